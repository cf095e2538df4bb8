#!/usr/bin/env bash
# Toxiproxy's client for node, as npm has it, against `stormdrill proxy`.
source "$(dirname "$0")/../lib/shell.sh" "$@"

client=$source_dir/tests/clients/node
installed=$(dirname "$stormdrill")/clients/node

for tool in node npm; do
  command -v "$tool" >/dev/null || skip "$tool is not here"
done

# The lock file says which; npm's cache or the network has it.
mkdir -p "$installed"
cp "$client"/package.json "$client"/package-lock.json "$client"/use.js "$installed"
if ! (cd "$installed" && timeout 100 npm ci --no-audit --no-fund --prefer-offline) \
  >npm.log 2>&1; then
  cat npm.log >&2
  skip "npm ci could not fetch toxiproxy-node-client (no network?)"
fi

"$stormdrill" proxy --api 127.0.0.1:0 >proxy.out 2>proxy.err &
proxy=$!
started_pids+=("$proxy")
await 10 grep -q '^api on ' proxy.out || fail "the proxy did not come up: $(cat proxy.err)"
api=$(sed -n 's/^api on //p' proxy.out)

it "takes everything that npm's toxiproxy-node-client does"
expect_exit 0 timeout 100 node "$installed/use.js" "http://$api"
expect_stdout "toxiproxy-node-client: everything it does works"

it "ends in order"
kill -TERM "$proxy"
wait "$proxy"
expect_equal 143 "$?" "the exit code"
