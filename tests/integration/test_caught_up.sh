#!/usr/bin/env bash
# Caught up means that the work is done, not only that all has arrived: nothing that a
# handler still has in hand may be lost because run ends.
source "$(dirname "$0")/../lib/shell.sh" "$@"

cat >hands.lua <<'LUA'
local function work(name, consumer, count)
  scenario(name) {
    timeout = "30s", cluster = { nodes = 1, jetstream = true },
    checks = { check.at_least_once { upto = "processed" } },
    run = function(t)
      local jobs = t.cluster:stream("JOBS", { subjects = "jobs.>" })
      local worker = jobs:consumer(consumer)
      local source = jobs:publisher { subject = "jobs.x", rate = "500/s", messages = count,
                                      wait_for_ack = "1s" }
      sleep "500ms"
      source:stop()
      expect("caught up", worker:await_caught_up "10s")
    end,
  }
end

work("no acks", { durable = "d", ack = "none", handler = { time = "10ms" } }, 100)
work("acks before the work", { durable = "d", ack = "explicit", concurrency = 4,
                               handler = { time = "2s", before_ack = true } }, 3)

scenario "four at once" {
  timeout = "30s", cluster = { nodes = 1 },
  checks = { check.at_least_once { upto = "processed" } },
  run = function(t)
    local worker = t.cluster:subscriber { subject = "jobs.x", concurrency = 4,
                                          handler = { time = "2s" } }
    local source = t.cluster:publisher { subject = "jobs.x", rate = "100/s", messages = 3 }
    sleep "200ms"
    source:stop()
    worker:await_caught_up "10s"
  end,
}
LUA

it "waits for what handlers have in hand"
expect_exit 0 "$stormdrill" run hands.lua -j 3 --progress none
expect_stdout "3 scenarios: 3 passed"
