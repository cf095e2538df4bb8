#!/usr/bin/env bash
# A link alone: `stormdrill proxy`.
source "$(dirname "$0")/../lib/shell.sh" "$@"

# serve: an upstream that answers each connection with what it got, on a free port.
serve() {
  start python3 -u -c '
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            data = self.request.recv(65536)
            if not data:
                return
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Echo)
print(server.server_address[1])
server.serve_forever()' >upstream.port
  await 10 test -s upstream.port
  upstream=$(cat upstream.port)
}

# open_proxy FLAGS: start one, and know its port and pid.
open_proxy() {
  rm -f proxy.out # else the "ready" of the one before might be seen
  "$stormdrill" proxy "$@" >proxy.out 2>proxy.err &
  proxy=$!
  started_pids+=("$proxy")
  await 10 grep -q ready proxy.out || fail "the proxy did not come up: $(cat proxy.err)"
  port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\),.*/\1/p' proxy.out | head -n 1)
  api=$(sed -n 's/^api on //p' proxy.out)
}

# close_proxy SIGNAL: end it; its exit code is in $code.
close_proxy() {
  kill -"$1" "$proxy"
  wait "$proxy"
  code=$?
}

# ask TEXT: send it through the proxy; what comes back is the output.
ask() {
  timeout 10 python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(sys.argv[2].encode())
s.shutdown(socket.SHUT_WR)
answer = b""
while True:
    data = s.recv(65536)
    if not data:
        break
    answer += data
print(answer.decode())' "$port" "$1" 2>ask.err
}

serve

it "passes bytes both ways and sums them up when it is interrupted"
open_proxy --upstream "127.0.0.1:$upstream"
expect_equal "hello" "$(ask hello)" "the answer"
close_proxy INT
expect_equal 130 "$code" "the exit code"
expect_equal 1 "$(grep -c '1 connection (0 refused, 0 without upstream, 0 still open), 5 bytes to the server, 5 to the client' proxy.err)" "the summary"

it "ends with 143 at SIGTERM"
open_proxy --upstream "127.0.0.1:$upstream"
close_proxy TERM
expect_equal 143 "$code" "the exit code"

it "holds bytes as long as its fault says"
open_proxy --upstream "127.0.0.1:$upstream" --fault 'latency base=300ms'
before=$(date +%s%N)
expect_equal "late" "$(ask late)" "the answer"
took_ms=$((($(date +%s%N) - before) / 1000000))
expect_true "600 ms are over ($took_ms)" test "$took_ms" -ge 590
close_proxy INT

it "hits the same connections with the same seed, and others with another"
# hits SEED: for each of 40 connections in turn whether it got through.
hits() {
  open_proxy --upstream "127.0.0.1:$upstream" --fault 'refuse probability=0.5' --seed "$1"
  python3 -c '
import socket, sys
line = ""
for i in range(40):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
        s.sendall(b"x")
        line += "." if s.recv(1) else "R"
    except OSError:
        line += "R"
print(line)' "$port"
  close_proxy INT
}
first=$(hits 7)
again=$(hits 7)
other=$(hits 8)
expect_equal "$first" "$again" "the pattern of seed 7"
expect_true "another seed gives another pattern" test "$first" != "$other"
expect_true "some are hit and some are not" bash -c "[[ $first == *R* && $first == *.* ]]"

it "says what happens when asked to"
open_proxy --upstream "127.0.0.1:$upstream" -v
expect_equal "x" "$(ask x)" "the answer"
await 5 grep -q "connection 1 closed" proxy.err
expect_true "accepted" grep -q "connection 1 accepted from port" proxy.err
expect_true "connected" grep -q "connection 1 connected upstream" proxy.err
close_proxy INT

it "warns once when nobody answers upstream"
open_proxy --upstream 127.0.0.1:1
ask x >ask.out
ask x >ask.out
await 5 grep -q "nobody answers at 127.0.0.1:1" proxy.err
expect_equal 1 "$(grep -c "nobody answers" proxy.err)" "the number of warnings"
close_proxy INT
expect_true "both are counted" grep -q "2 connections (0 refused, 2 without upstream" proxy.err

it "says that a port is taken"
expect_exit 4 "$stormdrill" proxy --listen "127.0.0.1:$upstream" --upstream 127.0.0.1:1
expect_stderr "127.0.0.1:$upstream"
expect_stderr "error: listen on 127.0.0.1:$upstream: port $upstream is taken"
expect_stderr "[exit 4]"

it "refuses what is no address, no fault, or no loopback"
expect_exit 2 "$stormdrill" proxy --listen 127.0.0.1:0
expect_stderr "--listen needs --upstream"
expect_exit 2 "$stormdrill" proxy --upstream 4222
expect_stderr "--upstream '4222': that is no host and port"
expect_exit 2 "$stormdrill" proxy --upstream '[::1'
expect_stderr "--upstream '[::1': that is no host and port"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:99999
expect_stderr "a port is at most 65535"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --listen 127.0.0.1:0 --listen 127.0.0.1:0
expect_stderr "--listen stands twice"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --listen 0.0.0.0:0
expect_stderr "is no loopback address"
expect_stderr "--allow-any-listen"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --listen 127.evil.example:0
expect_stderr "is no loopback address"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'latnecy base=1ms'
expect_stderr "did you mean 'latency'?"
for words in 'latency(base=1s)' 'latency,base=3'; do
  expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault "$words"
  expect_stderr "which fault? before '${words%=*}=' its name is missing"
  expect_stderr "the name, a blank, then the parameters: latency base=100ms"
done
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'limit_data bytes=3'
expect_stderr "Toxiproxy calls it so, here it is: limit bytes=64KiB"
touch "$work/plain"
expect_exit 2 "$stormdrill" proxy --api "unix:$work/plain"
expect_stderr "listen on unix:$work/plain: that file is there and is no socket"
expect_true "the file is still there" test -f "$work/plain"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'latency base=100'
expect_stderr "needs a unit"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'latency base=-5ms'
expect_stderr "base"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'latency bsae=5ms'
expect_stderr "did you mean 'base'?"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'stall probability=2'
expect_stderr "probability"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault ''
expect_stderr "--fault is empty"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 extra
expect_stderr "no use for 'extra'"

it "has nothing to do without a link and an API"
expect_exit 2 "$stormdrill" proxy --api none
expect_stderr "no link and no API"

it "prints the address of its API, and what passes through while connections are open"
open_proxy --upstream "127.0.0.1:$upstream" --name echo --api 127.0.0.1:0
expect_equal "hello" "$(ask hello)" "the answer"
python3 -c '
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"12345")
s.recv(5)
print("up", flush=True)
time.sleep(60)' "$port" >open.out &
holder=$!
started_pids+=("$holder")
await 10 grep -q up open.out
expect_exit 0 curl -sS "http://$api/metrics"
expect_stdout 'stormdrill_connections_open{link="echo"} 1'
expect_stdout 'stormdrill_read_bytes_total{link="echo",direction="to_server"} 10'
expect_stdout "toxiproxy_proxy_sent_bytes_total{direction=\"upstream\",listener=\"127.0.0.1:$port\",proxy=\"echo\",upstream=\"127.0.0.1:$upstream\"} 10"
if command -v promtool >promtool.path; then
  curl -sS "http://$api/metrics" | promtool check metrics >promtool.out 2>&1
  expect_equal 0 "$?" "promtool's exit code"
fi
expect_exit 0 curl -sS "http://$api/v1/version"
expect_stdout '"api":1'
kill "$holder"
close_proxy TERM

it "is a drop-in for Toxiproxy, on its port"
if [ -z "$(python3 -c '
import socket
s = socket.socket()
try:
    s.bind(("127.0.0.1", 8474))
except OSError:
    print("taken")')" ]; then
  open_proxy
  expect_equal 127.0.0.1:8474 "$api" "the API's address"
  expect_true "it says who can use it" grep -q "Toxiproxy" proxy.err
  expect_exit 4 "$stormdrill" proxy
  expect_stderr "127.0.0.1:8474"
  expect_stderr "--api 127.0.0.1:0 picks a free port"
  close_proxy TERM
else
  echo "  (port 8474 is somebody's: not tried)"
  pass
fi

it "says that its API's port is taken"
expect_exit 4 "$stormdrill" proxy --api "127.0.0.1:$upstream"
expect_stderr "127.0.0.1:$upstream"
expect_stderr "[exit 4]"

it "reads Toxiproxy's configuration, with toxics in it and faults of ours"
cat >links.json <<END
[
  {"name": "fast", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:$upstream"},
  {"name": "slow", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:$upstream",
   "toxics": [{"type": "latency", "name": "lag", "stream": "downstream",
               "attributes": {"latency": 150}}],
   "faults": [{"fault": "latency", "params": {"base": "150ms", "direction": "to_server"}}]},
  {"name": "off", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:$upstream", "enabled": false}
]
END
open_proxy --config links.json --api unix:"$work"/api.sock
expect_true "each link has its line" grep -q "^listening on 127.0.0.1:[0-9]*, upstream 127.0.0.1:$upstream, link slow$" proxy.out
expect_true "also one that is disabled" grep -q "^disabled 127.0.0.1:0, upstream .*, link off$" proxy.out
expect_equal "hello" "$(ask hello)" "the answer of the first link"
port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\),.*link slow$/\1/p' proxy.out)
before=$(date +%s%N)
expect_equal "late" "$(ask late)" "the answer of the slow one"
took_ms=$((($(date +%s%N) - before) / 1000000))
expect_true "300 ms are over ($took_ms)" test "$took_ms" -ge 295
expect_equal 600 "$(stat -c %a "$work/api.sock")" "the mode of the API's socket"
expect_exit 0 curl -sS --unix-socket "$work/api.sock" http://localhost/proxies/slow/toxics
expect_stdout '"name":"lag"'
expect_stdout '"latency":150'
expect_exit 0 curl -sS --unix-socket "$work/api.sock" http://localhost/v1/state
cp .stdout state.json
close_proxy TERM
expect_true "each link is summed up" grep -q '^slow: 1 connection (' proxy.err

it "takes the state that it gave"
open_proxy --config state.json --api none
expect_equal "" "$api" "no API"
expect_equal 2 "$(grep -c '^listening on ' proxy.out)" "links that listen"
expect_equal "hello" "$(ask hello)" "the answer"
close_proxy TERM

it "says what is wrong with a configuration: file, proxy, attribute"
expect_exit 2 "$stormdrill" proxy --config nowhere.json
expect_stderr "cannot read --config nowhere.json: No such file"
# wrong JSON WORDS: a configuration that is refused with these words.
wrong() {
  printf '%s' "$1" >wrong.json
  expect_exit 2 "$stormdrill" proxy --config wrong.json --api none
  expect_stderr "$2"
}
wrong '[{"name": "a",}]' "wrong.json is no JSON"
wrong '{"name": "a"}' "wrong.json is no list of proxies"
wrong '["a"]' "wrong.json: proxy 1 is no object"
wrong '[{"name": "a"}]' "wrong.json: proxy 1 ('a') has no upstream"
wrong '[{"upstream": "127.0.0.1:1"}]' "wrong.json: proxy 1 has no name"
wrong '[{"name": "a", "upstream": 4222}]' "wrong.json: proxy 1 ('a'): upstream must be text"
wrong '[{"name": "a", "upstream": "127.0.0.1:1", "listen": "nope"}]' "wrong.json: proxy 1 ('a'): listen 'nope'"
wrong '[{"name": "a", "upstream": "127.0.0.1:1"}, {"name": "b", "upstream": "127.0.0.1:1",
  "toxics": [{"type": "bandwidth", "attributes": {"rate": -1}}]}]' "wrong.json: proxy 2 ('b'): toxic 1"
expect_stderr "rate"
wrong '[{"name": "a", "upstream": "127.0.0.1:1", "faults": [{"fault": "latency", "params": {"bsae": "1s"}}]}]' \
  "did you mean 'base'?"
expect_stderr "wrong.json: proxy 1 ('a')"
wrong '[{"name": "a", "upstream": "127.0.0.1:1", "buffer": "5"}]' "wrong.json: proxy 1 ('a'): buffer must be between 4KiB and 1GiB"
wrong '[{"name": "a", "upstream": "127.0.0.1:1", "dial_timeout": "5"}]' "wrong.json: proxy 1 ('a'): dial_timeout needs a unit"
# wrong_toxic JSON WORDS: the second of its toxics is refused with these words.
wrong_toxic() {
  wrong "[{\"name\": \"a\", \"upstream\": \"127.0.0.1:1\", \"toxics\": [{\"type\": \"noop\"}, $1]}]" \
    "wrong.json: proxy 1 ('a'): toxic 2$2"
}
wrong_toxic 7 " is no object"
wrong_toxic '{"type": "latncy"}' ": there is no toxic type 'latncy'; did you mean 'latency'?"
expect_stderr "the types are: latency, bandwidth,"
wrong_toxic '{"type": "latency", "name": "lag", "attributes": {"latency": "20ms"}}' " ('lag'): latency of latency must be a whole number"
expect_stderr '"latency": 20 is 20 ms'
wrong_toxic '{"type": "latency", "stream": "up"}' ": stream is 'up'; it must be upstream or downstream"
wrong_toxic '{"type": "latency", "toxicity": "1"}' ": toxicity must be a number"
wrong_toxic '{"type": "latency", "attributes": []}' ": attributes must be an object"

it "refuses two links of one name, and a folder"
cat >twice.json <<'END'
[{"name": "a", "upstream": "127.0.0.1:1"}, {"name": "b", "upstream": "127.0.0.1:1"},
 {"name": "a", "upstream": "127.0.0.1:2"}]
END
expect_exit 2 "$stormdrill" proxy --config twice.json --api none
expect_stderr "twice.json: proxy 3 ('a') has the name of proxy 1"
expect_exit 2 "$stormdrill" proxy --config . --api none
expect_stderr "cannot read --config .: Is a directory"

it "warns of a key that means nothing"
printf '[{"name": "a", "upstream": "127.0.0.1:1", "enabeld": false}]' >odd.json
open_proxy --config odd.json --api none
expect_true "and says which was meant" grep -q "proxy 1 ('a') has 'enabeld', which means nothing; did you mean 'enabled'?" proxy.err
close_proxy TERM
cat >odd.json <<'END'
[{"name": "a", "upstream": "127.0.0.1:1", "toxics": [
  {"type": "latency", "name": "lag", "toxcity": 1, "Attributes": {"latecny": 20, "Jitter": 1}}]}]
END
open_proxy --config odd.json --api none
expect_true "also of an attribute" grep -q "proxy 1 ('a'): toxic 1 ('lag') has the attribute 'latecny', which means nothing; did you mean 'latency'?" proxy.err
expect_true "and of a toxic's key" grep -q "has 'toxcity', which means nothing; did you mean 'toxicity'?" proxy.err
expect_equal 2 "$(grep -c warning: proxy.err)" "warnings"
close_proxy TERM

it "has a link of its own beside those of a configuration"
open_proxy --config links.json --upstream "127.0.0.1:$upstream" --api none
expect_equal 3 "$(grep -c '^listening on ' proxy.out)" "links that listen"
close_proxy TERM
expect_exit 2 "$stormdrill" proxy --config links.json --upstream 127.0.0.1:1 --name slow --api none
expect_stderr "links.json has a link 'slow' already"

it "opens its API to others only with a token, and when told so"
expect_exit 2 "$stormdrill" proxy --api 0.0.0.0:0
expect_stderr "--allow-any-listen"
expect_exit 2 "$stormdrill" proxy --api 0.0.0.0:0 --allow-any-listen
expect_stderr "there is no token"
STORMDRILL_API_TOKEN=s3cret open_proxy --api 0.0.0.0:0 --allow-any-listen
api=127.0.0.1:${api#0.0.0.0:}
expect_equal 401 "$(curl -s -o refused -w '%{http_code}' "http://$api/metrics")" "the status without the token"
expect_exit 0 curl -sS -H "Authorization: Bearer s3cret" "http://$api/v1/version"
expect_stdout '"api":1'
close_proxy TERM
printf 'two words\n' >words.token
expect_exit 2 "$stormdrill" proxy --api 127.0.0.1:0 --api-token-file words.token
expect_stderr "the token in words.token is more than one word"
: >empty.token
expect_exit 2 "$stormdrill" proxy --api 127.0.0.1:0 --api-token-file empty.token
expect_stderr "the token in empty.token is empty"
expect_exit 2 "$stormdrill" proxy --api 127.0.0.1:0 --api-token-file nowhere.token
expect_stderr "cannot read --api-token-file nowhere.token"

it "ends with an error when there is no room for its descriptors or its words"
# The leak sanitizer wants a descriptor of its own.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
# shellcheck disable=SC2016 # the inner shell expands it
expect_exit 4 bash -c 'ulimit -n 6; exec "$0" proxy --upstream 127.0.0.1:1' "$stormdrill"
expect_stderr "cannot begin: this process may open 6 files"
# shellcheck disable=SC2016
expect_exit 4 bash -c 'exec timeout 20 "$0" proxy --upstream 127.0.0.1:1 >/dev/full' "$stormdrill"
expect_stderr "cannot write to standard output: No space left on device"

it "outlives its terminal under nohup"
trap '' HUP
open_proxy --upstream "127.0.0.1:$upstream"
trap - HUP
kill -HUP "$proxy"
expect_equal "hello" "$(ask hello)" "the answer"
close_proxy TERM
expect_equal 143 "$code" "the exit code"
