#!/usr/bin/env bash
# The scenarios of the documents run as they stand there: what a reader copies must work.
source "$(dirname "$0")/../lib/shell.sh" "$@"

# Whole scenarios become a file each; what belongs into run gets the nouns that it names.
python3 - "$source_dir/docs/scenarios.md" "$source_dir/README.md" <<'PYTHON'
import re, sys

frame = '''scenario "part %d" {
  cluster = { nodes = 3, jetstream = true },
  run = function(t)
    local patient = { wait = "100ms", attempts = 600 }
    local node = t.cluster.nodes[1]
    local orders = t.cluster:stream("ORDERS", { subjects = "orders.>", replicas = 3 })
    local worker = orders:consumer { durable = "worker", ack_wait = "2s", reconnect = patient }
    local producer = orders:publisher { rate = "200/s", wait_for_ack = "5s",
                                        reconnect = patient }
    sleep "200ms"
%s
    expect("came through", true)
  end,
}
'''
count = 0
for path in sys.argv[1:]:
    for block in re.findall(r"^```lua\n(.*?)^```", open(path).read(), re.M | re.S):
        count += 1
        whole = 'scenario "' in block
        with open(f"part{count}.lua", "w") as file:
            file.write(block if whole else frame % (count, block))
PYTHON

it "takes every snippet of the documents"
parts=(part*.lua)
expect_true "there are enough of them" test "${#parts[@]}" -ge 6
expect_exit 0 "$stormdrill" validate .

it "runs every snippet of the documents"
expect_exit 0 "$stormdrill" run . --progress none --timeout 2m

it "keeps the traps of the documents honest"
expect_stdout "at_least_once failed as expected: lost"

it "names every member of the ledger and every word of the list of verdicts"
for word in attempted accepted acknowledged stored delivered acked processed entitled \
  recovered unknown refused prefix middle postfix unserved impossible; do
  expect_true "$word" grep -qw "$word" "$source_dir/docs/scenarios.md"
done
