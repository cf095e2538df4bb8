#!/usr/bin/env bash
# Groups of real clients: three publishers, two consumers, and a stream that waits for them.
source "$(dirname "$0")/../lib/shell.sh" "$@"

it "publishes, disturbs and drains as groups, and loses nothing"
cat >group.lua <<'LUA'
scenario "three publishers and two consumers" {
  timeout = "2m",
  cluster = { nodes = 1, jetstream = true,
              config = { max_payload = "1MB", ping_interval = "5m" } },
  checks  = { check.at_least_once() },
  run = function(t)
    local orders  = t.cluster:stream("ORDERS", { subjects = "orders.>" })
    local workers = orders:consumer { durable = "worker", name = "w", count = 2, ack_wait = "2s" }
    local loads   = orders:publisher { count = 3, rate = "200/s", messages = 100,
                                       wait_for_ack = "2s" }
    assert(#loads == 3 and #workers == 2)
    loads:await_connected "5s"
    assert(loads:is_connected() and workers:is_connected())

    phase "disturbed"
    do
      local paused <close> = workers:pause()
      local slow <close> = loads.link:latency { base = "5ms" }
      sleep "200ms"
    end
    loads.link:reset()
    loads[2]:kill()
    loads[2]:restart()

    phase "drain"
    eventually("30s", "all are sent", function() return loads:acknowledged() >= 300 end)
    loads:stop()
    assert(orders:await_caught_up "20s")
    note("%d of %d", workers:received(), loads:acknowledged())
    expect("each worker read everything", workers:received(), ">=", 600)
  end,
}
LUA
expect_exit 0 "$stormdrill" run group.lua --out out --progress none
expect_stdout "PASS"
expect_true "five processes wrote logs" test "$(find out/cases/*/clients -name '*.log' | grep -c -e '/w-[12].log' -e '/publisher.log' -e '/publisher-[23].log')" = 5
expect_true "the payload limit reached the broker" grep -q '"max_payload": 1MB' -r out/cases --include='*.conf'
