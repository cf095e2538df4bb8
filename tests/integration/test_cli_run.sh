#!/usr/bin/env bash
# A run from the command line to its files: run, list, analyze, export, repeats, signals.
# shellcheck disable=SC2016 # what stands in single quotes is for an inner shell
source "$(dirname "$0")/../lib/shell.sh" "$@"

# query FILE EXPRESSION: of a JSON file, d being the object.
query() {
  python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

cat >fine.lua <<'LUA'
scenario "fine weather" {
  tags   = { "core" },
  params = { pause = param("10ms", "how long it sleeps") },
  cases  = { short = { n = 1 }, long = { n = 2 } },
  run    = function(t)
    phase "first"
    sleep(t.params.pause)
    phase "second"
    expect("time goes on", now() > 0)
  end,
}
LUA
cat >bad.lua <<'LUA'
scenario "bad weather" {
  run = function(t)
    phase "only"
    expect("the sun shines", false)
  end,
}
LUA
cat >slow.lua <<'LUA'
scenario "slow weather" {
  run = function(t)
    phase "waiting"
    sleep "60s"
  end,
}
LUA

it "lists cases with tags and places, also for machines"
expect_exit 0 "$stormdrill" list .
expect_stdout "fine weather  "
expect_stdout "  short       core"
expect_stdout "bad.lua:1"
expect_equal 1 "$(grep -c "fine.lua" .stdout)" "how often a file is named"
expect_exit 0 "$stormdrill" list fine.lua -k 'long or nothing' --json
cp .stdout list.json
expect_equal "['fine weather [long]']" "$(query list.json '[c["id"] for c in d]')" "the list"

it "validates without starting anything"
expect_exit 0 "$stormdrill" validate .
expect_stdout "4 cases in 3 files: no errors"
expect_true "no folder was made" test ! -e stormdrill-out

it "lives without standard streams, and writes into no file of its own instead"
expect_exit 0 bash -c "'$stormdrill' run fine.lua --out unheard <&- >&- 2>&-"
expect_true "there are results" test -s unheard/results.json
expect_true "the report went into no file" bash -c '! grep -rlE "^(PASS|error)" unheard'

it "runs a file, keeps everything in a folder, and says the verdict last"
expect_exit 0 "$stormdrill" run fine.lua --seed 48151623
expect_stderr "seed 48151623"
expect_stderr "phase second"
expect_stdout "PASS  fine weather [short]"
expect_equal "2 cases of 1 scenario: 2 passed" \
  "$(tail -n 1 .stdout | sed 's/ in .*//')" "the last line"
for file in run.json results.json cases/fine-weather-short/case.json \
  cases/fine-weather-short/spec.json cases/fine-weather-short/checks.json \
  cases/fine-weather-short/scenario.lua cases/fine-weather-short/evidence; do
  expect_true "there is $file" test -e "stormdrill-out/latest/$file"
done
expect_equal 48151623 "$(query stormdrill-out/latest/run.json 'd["seed"]')" "the seed"
expect_equal "stormdrill/1" "$(query stormdrill-out/latest/results.json 'd["schema"]')" "schema"

it "is as bad as its worst case, and says how to see it again"
expect_exit 1 "$stormdrill" run fine.lua bad.lua --progress none
expect_stdout "FAIL  bad weather"
expect_stdout "the sun shines"
expect_stdout "bad.lua:4"
reproduce=$(sed -n 's/^  reproduce  stormdrill //p' .stdout)
# shellcheck disable=SC2086 # it is a command line
expect_exit 1 "$stormdrill" $reproduce --progress none
expect_stdout "1 scenario: 1 failed"

it "prints only what did not pass when quiet"
expect_exit 1 "$stormdrill" run fine.lua bad.lua -q
expect_not_stdout "PASS"
expect_stdout "FAIL  bad weather"
expect_true "no progress" test ! -s .stderr

it "puts JSON on standard output and the summary aside"
expect_exit 0 "$stormdrill" run fine.lua --format json --progress none
cp .stdout results.json
expect_equal 2 "$(query results.json 'd["totals"]["passed"]')" "the number passed"
expect_exit 0 "$stormdrill" run fine.lua --format terminal,json
cp .stdout results.json
expect_equal 0 "$(query results.json 'd["exit_code"]')" "the exit code"
expect_stderr "2 cases of 1 scenario: 2 passed"

it "says when standard output has no room, and minds no reader that went away"
expect_exit 4 bash -c '"$stormdrill" version >/dev/full'
expect_stderr "cannot write to standard output"
expect_exit 4 bash -c '"$stormdrill" run fine.lua -q --format json >/dev/full'
expect_stderr "No space left on device"
expect_exit 0 bash -c 'set -o pipefail; "$stormdrill" run fine.lua --progress none | true'

it "chooses cases, sets parameters, and keeps the folder that was asked for"
expect_exit 0 "$stormdrill" run fine.lua --case short --set pause=20ms --out mine
expect_stdout "1 scenario: 1 passed"
expect_equal "20ms" "$(query mine/cases/fine-weather-short/checks.json 'd["params"]["pause"]')" \
  "the parameter"
expect_exit 0 "$stormdrill" run fine.lua --case n=2 --progress none
expect_stdout "fine weather [long]"

it "repeats with seeds drawn from one, and says what so many runs exclude"
expect_exit 0 "$stormdrill" run fine.lua --case short --repeat 10 --seed 7 --out ten
expect_stdout "passed 10 of 10: failure rate below 26 % at 95 %"
expect_stdout "10 runs of 1 case: 10 passed"
expect_exit 0 "$stormdrill" run fine.lua --case short --repeat 10 --seed 7 --out ten-again
seeds='sorted(c["seed"] for c in d["cases"])'
expect_equal "$(query ten/results.json "$seeds")" "$(query ten-again/results.json "$seeds")" \
  "the seeds"
expect_equal 10 "$(query ten/results.json "len(set($seeds))")" "the number of seeds"
expect_exit 1 "$stormdrill" run bad.lua --repeat 3 -q
expect_stdout "failed 3 of 3"

it "starts nothing more after a failure when told so"
expect_exit 1 "$stormdrill" run bad.lua fine.lua -x -j 1 --progress none
expect_stdout "SKIPPED  fine weather"
expect_stdout "1 failed, 2 skipped"

it "judges a finished run again, whole or one case of it"
expect_exit 1 "$stormdrill" run bad.lua fine.lua --out again --progress none
rm again/results.json again/cases/bad-weather/case.json
expect_exit 1 "$stormdrill" analyze again
expect_stdout "FAIL  bad weather"
expect_stdout "the sun shines"
expect_true "results.json is there again" test -s again/results.json
expect_exit 0 "$stormdrill" analyze again/cases/fine-weather-long
expect_stdout "1 scenario: 1 passed"
mkdir -p stormdrill-out
ln -sfn ../again stormdrill-out/latest
expect_exit 1 "$stormdrill" analyze
expect_stdout "evidence   again/cases/bad-weather"
expect_not_stdout "latest"
mv again/cases/fine-weather-long alone
expect_exit 0 "$stormdrill" analyze alone
expect_stdout "1 scenario: 1 passed"

it "does not take what is not there for passed"
cp -r unheard torn
rm -r torn/cases/*short
expect_exit 143 "$stormdrill" analyze torn
expect_stdout "its folder is not there any more"
rm torn/results.json
expect_exit 143 "$stormdrill" analyze torn
expect_stdout "not started before the run was killed"

it "judges a run that it may not write to"
if [ "$(id -u)" = 0 ] && cp -r unheard sealed; then
  chmod -R a+rX . && chmod -R a-w sealed
  expect_exit 0 setpriv --reuid=65534 --regid=65534 --clear-groups "$stormdrill" analyze sealed
  expect_stdout "2 passed"
  expect_stderr "warning: write sealed/cases"
fi

it "exports evidence in the order of time, with the case where there are several"
expect_exit 0 "$stormdrill" export ten --case fine-weather-short-r2
expect_true "each line is JSON, in order" python3 -c '
import json
lines = [json.loads(line) for line in open(".stdout")]
assert [l["t"] for l in lines] == sorted(l["t"] for l in lines)
assert "phase" in [l["kind"] for l in lines]
assert "case" not in lines[0]'
expect_exit 0 "$stormdrill" export ten
expect_true "each line names its case" python3 -c '
import json
assert {json.loads(l)["case"] for l in open(".stdout")} == {"fine weather [short]"}'
expect_exit 5 "$stormdrill" export ten --case nothing
expect_stderr "the run has no case 'nothing'"

# interrupted SIGNAL...: run slow.lua and its neighbours, send the signals; code in $code.
interrupted() {
  rm -rf stopped
  "$stormdrill" run slow.lua fine.lua -j 1 --out stopped >stop.out 2>stop.err &
  local pid=$!
  started_pids+=("$pid")
  await 20 grep -q "phase waiting" stop.err || fail "the case did not begin"
  for signal in "$@"; do
    kill -"$signal" "$pid" 2>/dev/null # it may have ended already
    await 5 grep -qE "interrupted|terminated" stop.err
  done
  wait "$pid"
  code=$?
}

it "heals, stops and still reports at Ctrl-C"
interrupted INT
expect_equal 130 "$code" "the exit code"
expect_true "the case says so" grep -q "INTERRUPTED  slow weather" stop.out
expect_true "it says by which signal" grep -q "interrupted (SIGINT)" stop.err
expect_true "others are skipped" grep -q "SKIPPED      fine weather" stop.out
expect_equal "interrupted" "$(query stopped/results.json 'd["cases"][0]["outcome"]')" "outcome"
expect_equal 130 "$(query stopped/results.json 'd["exit_code"]')" "the code in the file"

it "does the same at SIGTERM, and at once at the second signal"
interrupted TERM
expect_equal 143 "$code" "the exit code"
expect_true "it says by which signal" grep -q "terminated (SIGTERM)" stop.err
expect_equal "terminated" "$(query stopped/results.json 'd["cases"][0]["why"]')" "why"
interrupted INT INT
expect_equal 130 "$code" "the exit code"
expect_true "a report is there" grep -q "INTERRUPTED  slow weather" stop.out

it "leaves a killed run that can be analysed, and not while it lives"
rm -rf dead
"$stormdrill" run slow.lua --out dead >/dev/null 2>dead.err &
suite=$!
started_pids+=("$suite")
await 20 grep -q "phase waiting" dead.err
expect_exit 4 "$stormdrill" analyze dead
expect_stderr "is still going on"
kill -KILL "$suite"
wait "$suite" 2>/dev/null
# Its case goes with it, and holds the lock until then.
no_longer_busy() {
  "$stormdrill" analyze dead >/dev/null 2>&1
  [ $? -ne 4 ]
}
await 20 no_longer_busy || fail "the case outlived its suite"
expect_equal "" "$(pgrep -f "case $work/dead")" "what is left of the case"
expect_exit 143 "$stormdrill" analyze dead
expect_stdout "INTERRUPTED  slow weather"
expect_exit 0 "$stormdrill" export dead
expect_stdout '"kind":"phase"'

it "says when the results have no room, and still prints the report"
mkdir full
if unshare -rm mount -t tmpfs -o size=64k none full 2>/dev/null; then
  # In a namespace of its own: the mount goes with the command, however that ends.
  expect_exit 4 unshare -rm bash -c \
    'mount -t tmpfs -o size=64k none full && exec "$stormdrill" run fine.lua --out full/run'
  expect_stderr "[exit 4]"
  expect_stderr "--out DIR"
  expect_stdout "cases of 1 scenario"
else
  echo "  (no mount namespaces here: not looked at)"
fi

it "takes a limit on the size of files as an error, like a full disk"
expect_exit 4 bash -c 'ulimit -f 1 && exec "$stormdrill" run fine.lua --out limited'
expect_stderr "File too large"
expect_exit 4 bash -c 'ulimit -f 8 && exec "$stormdrill" run fine.lua --out limited8'
expect_stdout "no room for evidence"
expect_not_stdout "SIGXFSZ"
