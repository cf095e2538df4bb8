-- The broker is away for a while, twice, and a service has to find back to it.
-- A client that knocks without pause adds to the outage; one that does not knock at all
-- stays away for ever. It must wait longer each time, start short again after success,
-- and be back soon after the broker is.
-- Guide, chapter 2.3: base 1 s, cap 30 s, 5 attempts, the counter is reset on success.
scenario "the broker is away for a while" {
  tags    = { "trap", "reconnect", "quick" },
  timeout = "1m",
  cluster = { nodes = 1 },

  params  = {
    down     = param("3200ms", "how long the broker is away each time"),
    first    = param("250ms", "wait before the first attempt (the guide: 1s)"),
    factor   = param(2, "each wait is this many times the one before"),
    cap      = param("3s", "no wait is longer (the guide: 30s)"),
    attempts = param(5, "attempts per outage (the guide: 5)"),
  },

  cases = {
    -- A fixed tiny wait: fifty knocks a second from every client.
    trap_fixed_wait   = { policy = "fixed", expect = { fails = { backoff = "fixed" } } },
    -- Reconnecting switched off: the connection is closed for good.
    trap_no_reconnect = { policy = "none", expect = { fails       = { reconnects = "closed" },
                                                      inconclusive = { "backoff" } } },
    remedy            = { policy = "backoff" },
  },

  checks = function(t) -- asked with the values of --set: judged is what was asked for
    return {
      check.reconnects { within = "5s" },
      check.backoff { first = t.params.first, factor = t.params.factor, cap = t.params.cap,
                      jitter = "10%" },
    }
  end,

  run = function(t)
    local policies = {
      none    = "none",
      fixed   = { wait = "20ms", attempts = 10000 },
      backoff = { first = t.params.first, factor = t.params.factor, cap = t.params.cap,
                  jitter = "10%", attempts = t.params.attempts },
    }
    local service = t.cluster:connector { name = "service", count = 4,
                                          reconnect = policies[t.case.policy] }
    local broker  = t.cluster.nodes[1]

    phase "baseline"
    sleep "1s"

    for outage = 1, 2 do -- the second shows whether the counter was reset
      phase("outage " .. outage)
      broker:kill()
      sleep(t.params.down)
      broker:start()

      phase("back " .. outage)
      if t.case.policy ~= "none" then
        service:await_connected "8s"
      end
      sleep "1s"
    end
  end,
}
