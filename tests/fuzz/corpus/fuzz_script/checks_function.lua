scenario "x" {
  params = { first = param("1s", "wait") },
  cases = { a = { n = 1 }, b = { expect = { fails = { "backoff" } } } },
  checks = function(t)
    return { check.backoff { first = t.params.first }, t.case.n and check.at_least_once() or nil }
  end,
  run = function(t) end,
}
