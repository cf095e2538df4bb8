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
  port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\),.*/\1/p' proxy.out)
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
expect_equal 1 "$(grep -c '1 connections (0 refused, 0 without upstream, 0 still open), 5 bytes to the server, 5 to the client' proxy.err)" "the summary"

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
expect_stderr "port $upstream is taken"
expect_stderr "[exit 4]"

it "refuses what is no address, no fault, or no loopback"
expect_exit 2 "$stormdrill" proxy
expect_stderr "proxy needs --upstream"
expect_exit 2 "$stormdrill" proxy --upstream 4222
expect_stderr "--upstream '4222' is no address"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:99999
expect_stderr "port 0 to 65535"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --listen 0.0.0.0:0
expect_stderr "is no loopback address"
expect_stderr "--allow-any-listen"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --listen 127.evil.example:0
expect_stderr "is no loopback address"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault 'latnecy base=1ms'
expect_stderr "did you mean 'latency'?"
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
