#!/usr/bin/env bash
# A client that dies unasked: the report and the results say who, when and how.
# shellcheck disable=SC2016 # what stands in single quotes is for an inner shell
source "$(dirname "$0")/../lib/shell.sh" "$@"

cat >storm.lua <<'LUA'
scenario "somebody kills a client" {
  cluster = { nodes = 1 },
  run = function(t)
    local producer = t.cluster:publisher { subject = "orders", rate = "100/s" }
    spawn(function()
      pcall(sleep, "1h")
      local nothing = nil
      nothing.at_all = 1
    end)
    phase "until it is gone"
    eventually("60s", "it is gone", function() return not producer:is_connected() end)
  end,
}
LUA

clients() { # pids of the run's client processes, without their guards
  local file
  printf '%s' "$work/out" >pattern
  while read -r file; do
    tr '\0' ' ' <"${file%environ}cmdline" 2>/dev/null | grep -q '^[^ ]*stormdrill client ' &&
      basename "${file%/environ}"
  done < <(grep -lsFz -f pattern /proc/[0-9]*/environ)
}

"$stormdrill" run storm.lua --out "$work/out" >said 2>&1 &
suite=$!
victim=""
for _ in $(seq 300); do
  if grep -q "until it is gone" said; then
    victim=$(clients | head -n 1)
    [ -n "$victim" ] && break
  fi
  sleep 0.1
done
it "finds a client to kill"
expect_true "there is one" test -n "$victim"
kill -9 "$victim"
wait "$suite"

it "says in the report who died, when and how"
expect_true "the terminal says it" grep -Eq \
  "^  warning: client 'publisher' was killed by signal 9, not by the scenario \(at [0-9.]+ s\)" said
expect_true "case.json says it" grep -q \
  "client 'publisher' was killed by signal 9" out/cases/*/case.json

it "says what a task raised while it was being cancelled, with its line"
expect_true "the terminal says it" grep -Eq \
  "^  warning: a task that was being cancelled failed: attempt to index a nil value .*storm.lua:8\)" said
