-- The broker is killed while a service publishes orders.
-- Fire and forget loses what was in flight and nobody is told; with JetStream on file,
-- PubAck awaited and explicit acks, nothing that was acknowledged may be lost.
-- Guide, chapter 3.2: publisher confirmation, persistence, manual ack.
scenario "the broker is killed in the middle of publishing" {
  tags    = { "trap", "message-loss", "quick" },
  timeout = "1m",
  cluster = { nodes = 1, jetstream = true },

  params  = {
    down    = param("1s", "how long the broker is away"),
    latency = param("20ms", "on the publisher's link, so that bytes are in flight in every run"),
  },

  cases = {
    trap   = { confirmed = false, expect = { fails = { at_least_once = "lost" } } },
    remedy = { confirmed = true },
  },

  checks = {
    check.at_least_once(),
    check.reconnects { within = "5s" },
  },

  run = function(t)
    local producer, worker
    local patient = { wait = "100ms", jitter = "50ms", attempts = 600 }

    if t.case.confirmed then
      local orders = t.cluster:stream("ORDERS", { subjects = "orders.>", storage = "file" })
      -- Acks in flight when the broker dies are lost: those messages come again after
      -- ack_wait (30 s unless told otherwise), which the drain must outlast.
      worker   = orders:consumer { durable = "worker", ack = "explicit", ack_wait = "2s",
                                   reconnect = patient }
      producer = orders:publisher { subject = "orders.new", rate = "2000/s",
                                    wait_for_ack = "2s", reconnect = patient }
    else
      worker   = t.cluster:subscriber { subject = "orders.>", reconnect = patient }
      producer = t.cluster:publisher { subject = "orders.new", rate = "2000/s",
                                       reconnect = patient } -- fire and forget
    end

    phase "baseline"
    sleep "1s"

    phase "broker killed"
    producer.link:latency { base = t.params.latency }
    sleep "500ms"
    t.cluster.nodes[1]:kill()
    sleep(t.params.down)
    t.cluster.nodes[1]:start()

    phase "drain"
    producer:await_connected "5s"
    sleep "1s"
    producer:stop()
    worker:await_caught_up "15s"
  end,
}
