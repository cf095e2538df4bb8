#!/usr/bin/env bash
# A running proxy is steered: `stormdrill fault`.
source "$(dirname "$0")/../lib/shell.sh" "$@"

# open_proxy FLAGS: start one with an API, and know its address and pid.
open_proxy() {
  rm -f proxy.out
  "$stormdrill" proxy "$@" >proxy.out 2>proxy.err &
  proxy=$!
  started_pids+=("$proxy")
  await 10 grep -q ready proxy.out || fail "the proxy did not come up: $(cat proxy.err)"
  api=$(sed -n 's/^api on //p' proxy.out)
  echo "$api" >api
}

# close_proxy: end it; it ends as it was told, with nothing leaked (sanitizers).
close_proxy() {
  kill "$proxy"
  wait "$proxy"
  expect_equal 143 "$?" "the proxy's exit code"
}

# ./fault WORDS: the command against the proxy at hand.
cat >fault <<'END'
#!/bin/sh
exec "$stormdrill" fault "$@" --api "$(cat api)"
END
chmod +x fault

open_proxy --upstream 127.0.0.1:1 --name orders --api 127.0.0.1:0

it "adds a fault, and says what is in force"
expect_exit 0 ./fault add orders 'latency base=100ms jitter=10ms'
expect_stdout "latency-1 on orders: latency base=100ms jitter=10ms"
expect_exit 0 ./fault add orders stall probability=0.5 --name outage
expect_stdout "outage on orders: stall probability=0.5"

it "lists links and faults"
expect_exit 0 ./fault list
expect_stdout " -> 127.0.0.1:1  0 open, 0 accepted"
expect_stdout "  latency-1  latency base=100ms jitter=10ms  touched 0"
expect_stdout "  outage     stall probability=0.5  touched 0"
expect_exit 0 ./fault list orders
expect_stdout "outage"

it "lists them as JSON"
expect_exit 0 ./fault list --format json
expect_equal "outage" "$(python3 -c '
import json, sys
print(json.load(sys.stdin)["links"][0]["faults"][1]["name"])' <.stdout)" "the fault's name"

it "changes a fault in place"
expect_exit 0 ./fault change orders latency-1 base=250ms
expect_stdout "latency-1 on orders: latency base=250ms jitter=10ms"

it "heals one, and all"
expect_exit 0 ./fault heal orders outage
expect_stdout "healed 1 fault on orders"
expect_exit 0 ./fault add orders stall
expect_exit 0 ./fault heal orders --all
expect_stdout "healed 2 faults on orders"
expect_exit 0 ./fault list
expect_not_stdout "latency"

it "says which name was meant"
expect_exit 2 ./fault add ordres stall
expect_stderr "there is no link 'ordres'; did you mean 'orders'?"
expect_exit 0 ./fault add orders stall
expect_exit 2 ./fault heal orders stal-1
expect_stderr "link 'orders' has no fault 'stal-1'; did you mean 'stall-1'?"
expect_exit 2 ./fault add orders 'latnecy base=1ms'
expect_stderr "did you mean 'latency'?"
expect_exit 2 ./fault add orders 'latency bsae=1ms'
expect_stderr "did you mean 'base'?"
expect_exit 2 ./fault add orders 'latency base=100'
expect_stderr 'base needs a unit: write "100s" or "100ms"'
expect_exit 2 ./fault change orders stall-1 probability=2
expect_stderr "probability"
expect_exit 2 ./fault add orders stall --name stall-1
expect_stderr "stall-1"

it "refuses a line that says too little, too much, or something else"
expect_exit 2 "$stormdrill" fault
expect_stderr "fault needs add|list|change|heal"
expect_exit 2 "$stormdrill" fault lst
expect_stderr "did you mean 'list'?"
expect_exit 2 ./fault add orders
expect_stderr "usage: stormdrill fault add LINK FAULT"
expect_exit 2 ./fault list orders bills
expect_stderr "too many words"
expect_exit 2 ./fault heal orders
expect_stderr "heal needs to know which fault, or --all"
expect_exit 2 ./fault heal orders stall-1 --all
expect_stderr "not both"
expect_exit 2 ./fault list --all
expect_stderr "no use for --all"
expect_exit 2 ./fault heal orders stall-1 --format json
expect_stderr "no use for --format"
expect_exit 2 ./fault list --name x
expect_stderr "no use for --name"
expect_exit 2 "$stormdrill" fault list --api nowhere
expect_stderr "API address 'nowhere'"
close_proxy

it "says that no proxy is there"
expect_exit 4 ./fault list
expect_stderr "no proxy answers at $api"
expect_stderr "start one with: stormdrill proxy"

it "says that something else is there"
start python3 -u -m http.server --bind 127.0.0.1 0 >server.out 2>&1
await 10 grep -q "port [0-9]" server.out
other=$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.out | head -n 1)
expect_exit 4 "$stormdrill" fault list --api "127.0.0.1:$other"
expect_stderr "is no stormdrill proxy"

it "speaks over a Unix socket"
open_proxy --upstream 127.0.0.1:1 --api "unix:$work/api.sock"
expect_equal "unix:$work/api.sock" "$api" "the API's address"
expect_exit 0 ./fault add proxy stall
expect_stdout "stall-1 on proxy: stall"
close_proxy
expect_exit 4 ./fault list
expect_stderr "no proxy answers at unix:"

it "knows the proxy's token from a file or from the environment, and only then"
printf 's3cret\n' >token
open_proxy --upstream 127.0.0.1:1 --api 127.0.0.1:0 --api-token-file token
expect_exit 4 ./fault list
expect_stderr "wants its token"
expect_stderr "STORMDRILL_API_TOKEN"
expect_exit 0 ./fault list --api-token-file token
expect_stdout "127.0.0.1:1"
printf 'wrong\n' >wrong.token
expect_exit 4 ./fault list --api-token-file wrong.token
expect_stderr "wants its token"
STORMDRILL_API_TOKEN=s3cret expect_exit 0 ./fault list
expect_exit 2 ./fault list --api-token-file nowhere
expect_stderr "cannot read --api-token-file nowhere"
close_proxy

it "acts on a connection that is open, and heals it"
start python3 -u -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1])
while True:
    c, _ = s.accept()
    while True:
        data = c.recv(65536)
        if not data:
            break
        c.sendall(data)
    c.close()' >echo.port
await 10 test -s echo.port
open_proxy --upstream "127.0.0.1:$(cat echo.port)" --api 127.0.0.1:0
port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\),.*/\1/p' proxy.out)
mkfifo words
start python3 -u -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for line in open("words"):
    s.sendall(line.encode())
    print(s.recv(100).decode(), end="")' "$port" >answers
exec 7>words
echo one >&7
await 10 grep -q one answers
expect_exit 0 ./fault add proxy latency base=60s --name cable
echo two >&7
await 10 sh -c './fault list --format json | grep -q "\"held\": 4"'
expect_true "nothing passes" bash -c '! grep -q two answers'
expect_exit 0 ./fault list
expect_stdout "1 open"
expect_stdout "touched 1"
expect_exit 0 ./fault heal proxy cable
expect_true "what waited has passed" await 10 grep -q two answers
exec 7>&-
close_proxy
