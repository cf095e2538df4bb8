// Drives our API with npm's toxiproxy-node-client, as a user's test suite would, and checks
// what comes back and what the bytes do. Arguments: the API's URL.
'use strict';

const assert = require('assert');
const net = require('net');
const {Toxiproxy} = require('toxiproxy-node-client');

const toxiproxy = new Toxiproxy(process.argv[2]);

// An upstream that sends everything back.
function startEcho() {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function connect(listen) {
  const [host, port] = listen.split(':');
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), host, () => resolve(socket));
    socket.once('error', reject);
  });
}

// What comes back for `text`, and after how many ms; null when the connection ended first.
function roundTrip(socket, text) {
  const begun = process.hrtime.bigint();
  return new Promise((resolve) => {
    let got = '';
    const ended = () => resolve({got: null});
    socket.once('close', ended);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      got += data;
      if (got.length >= text.length) {
        socket.removeListener('close', ended);
        socket.removeAllListeners('data');
        resolve({got, ms: Number(process.hrtime.bigint() - begun) / 1e6});
      }
    });
    socket.write(text);
  });
}

// A client that connects, asks once and goes.
async function ask(listen, text) {
  const socket = await connect(listen);
  const result = await roundTrip(socket, text);
  socket.destroy();
  return result;
}

const everyType = [
  {type: 'latency', attributes: {latency: 60, jitter: 0}},
  {type: 'bandwidth', attributes: {rate: 1000}},
  {type: 'slow_close', attributes: {delay: 20}},
  {type: 'timeout', attributes: {timeout: 50}},
  {type: 'reset_peer', attributes: {timeout: 0}},
  {type: 'slicer', attributes: {average_size: 4, size_variation: 1, delay: 10}},
  {type: 'limit_data', attributes: {bytes: 1024}},
];

// What a round trip of "hello" looks like with each of them on the way back.
const effects = {
  latency: (r) => r.got === 'hello' && r.ms >= 59,
  bandwidth: (r) => r.got === 'hello',
  slow_close: (r) => r.got === 'hello',
  timeout: (r) => r.got === null,
  reset_peer: (r) => r.got === null,
  slicer: (r) => r.got === 'hello',
  limit_data: (r) => r.got === 'hello',
};

async function tryToxics(proxy) {
  for (const wish of everyType) {
    for (const stream of ['upstream', 'downstream']) {
      const toxic = await proxy.addToxic({
        name: `my-${wish.type}`, toxicity: 1, stream, ...wish,
      });
      assert.strictEqual(toxic.type, wish.type);
      assert.strictEqual(toxic.stream, stream);
      assert.deepStrictEqual(toxic.attributes, wish.attributes);
      const shown = await proxy.getToxic(`my-${wish.type}`);
      assert.deepStrictEqual(shown.toJson(), toxic.toJson());
      const result = await ask(proxy.listen, 'hello');
      assert(effects[wish.type](result), `${wish.type} ${stream}: ${JSON.stringify(result)}`);
      const changed = await shown.update({attributes: wish.attributes, toxicity: 0});
      assert.strictEqual(changed.toxicity, 0);
      const spared = await ask(proxy.listen, 'hello');
      assert.strictEqual(spared.got, 'hello', `${wish.type} spares at toxicity 0`);
      await changed.remove();
      await assert.rejects(proxy.getToxic(`my-${wish.type}`), /toxic not found|404/);
    }
  }
}

async function tryToggle(proxy) {
  const socket = await connect(proxy.listen);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.resume();
  const off = await proxy.update({enabled: false});
  assert.strictEqual(off.enabled, false);
  assert.strictEqual(off.listen, proxy.listen);
  await closed;
  await assert.rejects(connect(proxy.listen), /ECONNREFUSED/);
  const on = await off.update({enabled: true});
  assert.strictEqual(on.enabled, true);
  assert.strictEqual((await ask(on.listen, 'back')).got, 'back');
}

async function main() {
  const echo = await startEcho();
  const upstream = `127.0.0.1:${echo.address().port}`;

  assert.match(await toxiproxy.getVersion(), /2\.12\.0/);
  assert.deepStrictEqual(await toxiproxy.getAll(), {});

  const proxy = await toxiproxy.createProxy({name: 'one', listen: '127.0.0.1:0', upstream});
  assert.strictEqual(proxy.enabled, true);
  assert.strictEqual((await ask(proxy.listen, 'hello')).got, 'hello');
  await assert.rejects(
    toxiproxy.createProxy({name: 'one', listen: '127.0.0.1:0', upstream}),
    /proxy already exists|409/);
  await assert.rejects(toxiproxy.get('nobody'), /proxy not found|404/);
  assert.strictEqual((await toxiproxy.get('one')).listen, proxy.listen);

  const many = await toxiproxy.populate([
    {name: 'one', listen: proxy.listen, upstream, enabled: true},
    {name: 'two', listen: '127.0.0.1:0', upstream, enabled: true},
  ]);
  assert.deepStrictEqual(Object.keys(many).sort(), ['one', 'two']);
  assert.strictEqual(many.one.listen, proxy.listen);
  assert.strictEqual((await ask(many.two.listen, 'hi')).got, 'hi');

  await tryToxics(proxy);
  await tryToggle(proxy);

  await many.two.update({enabled: false});
  await proxy.addToxic({
    name: 'late', type: 'latency', stream: 'upstream', toxicity: 1,
    attributes: {latency: 5000, jitter: 0},
  });
  await toxiproxy.reset();
  await assert.rejects(proxy.getToxic('late'), /toxic not found|404/);
  assert.strictEqual((await toxiproxy.get('two')).enabled, true);
  assert.strictEqual((await ask(proxy.listen, 'healed')).got, 'healed');

  await proxy.remove();
  await many.two.remove();
  assert.deepStrictEqual(await toxiproxy.getAll(), {});
  echo.close();
  console.log('toxiproxy-node-client: everything it does works');
}

main().catch((problem) => {
  console.error(problem);
  process.exit(1);
});
