#!/usr/bin/env bash
# Time that runs out before the drain is no pass (ux.md 2.3), and who dies unasked is told.
# shellcheck source=tests/lib/shell.sh
source "$(dirname "$0")/../lib/shell.sh" "$@"

cat >away.lua <<'LUA'
-- The broker stays away: the consumer has received all that was acknowledged, yet whether
-- it has caught up nobody can say.
scenario "the broker stays away" {
  cluster = { nodes = 1, jetstream = true },
  checks  = { check.at_least_once() },
  run = function(t)
    local s = t.cluster:stream("O", { subjects = "o.>" })
    local w = s:consumer { durable = "w", ack_wait = "1s" }
    s:publisher { rate = "200/s", wait_for_ack = "1s", messages = 50 }
    eventually("10s", "all are received", function() return w:received() >= 50 end)
    t.cluster.nodes[1]:kill()
    w:await_caught_up "1s"
  end,
}
LUA

it "is inconclusive when a drain did not end, though nothing is missing"
expect_exit 6 "$stormdrill" run away.lua --out away
expect_stdout "INCONCLUSIVE"
expect_stdout "caught up is not known"

it "judges the same from the folder alone"
expect_exit 6 "$stormdrill" analyze away

cat >gone.lua <<'LUA'
-- The stream lives in memory and dies with its broker, while the consumer is still busy:
-- what was acknowledged and not yet handled can never come any more.
scenario "the stream is gone" {
  cluster = { nodes = 1, jetstream = true },
  checks  = { check.at_least_once { upto = "processed" } },
  run = function(t)
    local s = t.cluster:stream("O", { subjects = "o.>", storage = "memory" })
    local w = s:consumer { durable = "w", ack_wait = "1s", max_ack_pending = 5,
                           handler = { time = "50ms" } }
    local p = s:publisher { rate = "200/s", wait_for_ack = "1s", messages = 100 }
    eventually("10s", "all are acknowledged", function() return p:acknowledged() >= 100 end)
    t.cluster.nodes[1]:kill()
    t.cluster.nodes[1]:start()
    w:await_caught_up "10s"
  end,
}
LUA

it "calls lost what was acknowledged and went down with a stream in memory"
expect_exit 1 "$stormdrill" run gone.lua --out gone
expect_stdout "is gone"
expect_stdout "failed (lost)"

cat >killed.lua <<'LUA'
scenario "somebody else kills a client" {
  cluster = { nodes = 1 },
  checks  = { check.at_least_once() },
  run = function(t)
    t.cluster:subscriber { subject = "a" }
    t.cluster:publisher { subject = "a", rate = "100/s", name = "victim" }
    note("ready")
    sleep "3s"
  end,
}
LUA

it "says so when a client dies by another hand"
start "$stormdrill" run killed.lua --out killed >killed.out 2>&1
run=$!
victim() { # the client process itself, not its guard
  local pid
  for pid in $(grep -lsz 'STORMDRILL_CLIENT=victim' /proc/[0-9]*/environ | tr -dc '0-9\n'); do
    if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q ' client publisher'; then
      tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q ' guard ' || echo "$pid"
    fi
  done 2>/dev/null
}
await 20 grep -q 'note ready' killed.out
kill -9 "$(victim | head -n 1)"
wait "$run"
expect_true "evidence has the warning" grep -q "'victim' was killed by signal 9" \
  <("$stormdrill" export killed --format jsonl)
