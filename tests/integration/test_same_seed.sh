#!/usr/bin/env bash
# The same scenario with the same seed makes the same decisions for each connection:
# a fault with probability 0.5 over 40 connections hits the same ones in two runs, and
# others with another seed. Read from the evidence of three real runs.
# shellcheck source=tests/lib/shell.sh
source "$(dirname "$0")/../lib/shell.sh" "$@"

cat >half.lua <<'LUA'
scenario "half of the connections are slow" {
  cluster = { nodes = 1 },
  checks  = {},
  run = function(t)
    local many = t.cluster:connector { name = "many", count = 40 }
    many.link:latency { base = "1ms", probability = 0.5 }
    sleep "50ms"
    expect("all are connected", many:is_connected())
  end,
}
LUA

decisions() { # SEED NAME -> file NAME: "link u hit" or "link u missed", sorted
  expect_exit 0 "$stormdrill" run half.lua --seed "$1" --out "run-$2" -q
  "$stormdrill" export "run-$2" --format jsonl | grep '"kind":"fault_draw"' |
    sed 's/.*"u":\([0-9.e-]*\).*"link_name":"\([^"]*\)".*/\2 \1 &/; s/ {.*"held".*/ hit/; s/ {.*/ missed/' |
    sort >"$2"
}

it "lets a fault draw once for each of 40 connections, and hit some of them"
decisions 7 first
expect_equal 40 "$(wc -l <first)" "the number of draws"
expect_true "more than 5 were hit" [ "$(grep -c hit first)" -gt 5 ]
expect_true "more than 5 were missed" [ "$(grep -c missed first)" -gt 5 ]

it "decides the same for each connection with the same seed"
decisions 7 again
expect_true "both runs are alike" cmp first again

it "decides otherwise with another seed"
decisions 8 other
expect_equal 40 "$(diff first other | grep -c '^<')" "the number of draws that differ"
