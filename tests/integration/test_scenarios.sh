#!/usr/bin/env bash
# Every scenario of the repository on the real nats-server: exit 0, and each trap is
# caught for the reason that its file announces, each remedy passes with something to
# judge. Figures come from results.json, not from the product's own summary of them.
# Runs alone (CMakeLists.txt): back-off is timed, and a busy machine gives no verdict.
# shellcheck source=tests/lib/shell.sh
source "$(dirname "$0")/../lib/shell.sh" "$@"

query() { # EXPRESSION over `cases`, a dict "file-stem case" -> case; prints its value
  python3 - "$work/run/results.json" "$1" <<'PYTHON'
import json, os, sys
results = json.load(open(sys.argv[1]))
cases = {}
for case in results["cases"]:
    stem = os.path.splitext(os.path.basename(case["file"]))[0]
    case["check"] = {check["id"]: check for check in case["checks"]}
    cases[(stem + " " + case["case"]).strip()] = case
print(eval("(" + sys.argv[2] + ")"))
PYTHON
}

it "runs every scenario, and all do what they announce"
COMMAND_TIMEOUT=200 expect_exit 0 "$stormdrill" run "$source_dir/scenarios" --out run
expect_equal 0 "$(query 'sum(c["outcome"] != "passed" for c in cases.values())')" \
  "the number of cases that are not as expected"
expect_equal True "$(query 'all(c["evidence"]["lost_records"] == 0 and
  c["evidence"]["bad_segments"] == 0 for c in cases.values())')" "all evidence was kept"

it "catches fire and forget: messages are lost, and the ledger adds up"
expect_equal "failed lost" "$(query '(lambda v: v["verdict"] + " " + v["reason"])(
  cases["06-message-loss trap"]["check"]["at_least_once"])')" "the trap's verdict"
expect_equal True "$(query '(lambda n: n["lost"] > 0 and n["attempted"] ==
  n["entitled"] + n["recovered"] + n["unknown"] + n["refused"] and n["entitled"] ==
  n["arrived"] + n["pending"] + n["lost"] + n["removed"] + n["given_up"])(
  cases["06-message-loss trap"]["check"]["at_least_once"]["numbers"])')" "the ledger"

it "passes PubAck, file storage and explicit ack, with enough to judge"
expect_equal True "$(query '(lambda v: v["verdict"] == "passed" and
  v["numbers"]["acknowledged"] > 500 and v["numbers"]["level"] == "processed")(
  cases["06-message-loss remedy"]["check"]["at_least_once"])')" "the remedy's ledger"

it "classifies a fixed tiny wait, and a client that does not come back"
expect_equal "failed fixed" "$(query '(lambda v: v["verdict"] + " " + v["reason"])(
  cases["03-reconnect-backoff trap_fixed_wait"]["check"]["backoff"])')" "the trap's verdict"
expect_equal "failed closed" "$(query '(lambda v: v["verdict"] + " " + v["reason"])(
  cases["03-reconnect-backoff trap_no_reconnect"]["check"]["reconnects"])')" "the verdict"
expect_equal "inconclusive" "$(query 'cases["03-reconnect-backoff trap_no_reconnect"]
  ["check"]["backoff"]["verdict"]')" "back-off of who never tried"

it "passes the guide's policy, twice in a row from the start"
expect_equal True "$(query '(lambda v: v["verdict"] == "passed" and
  v["numbers"]["waits"] >= 8)(cases["03-reconnect-backoff remedy"]["check"]["backoff"])')" \
  "the remedy's waits"

it "judges the run again from its folder alone, to the same verdicts"
before=$(query '[[k, [x["verdict"] + x["reason"] for x in c["checks"]]]
  for k, c in sorted(cases.items())]')
expect_exit 0 "$stormdrill" analyze run
expect_equal "$before" "$(query '[[k, [x["verdict"] + x["reason"] for x in c["checks"]]]
  for k, c in sorted(cases.items())]')" "the verdicts"

it "leaves nothing running"
printf "%s" "$work/run" >pattern
expect_equal "" "$(grep -lsFf pattern /proc/[0-9]*/cmdline)" "what still runs"
