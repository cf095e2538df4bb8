#!/usr/bin/env bash
# Bad command lines: each is refused by name, says the way out, exits with 2, starts nothing.
source "$(dirname "$0")/../lib/shell.sh" "$@"

cat >fine.lua <<'LUA'
scenario "fine weather" {
  tags   = { "core", "release" },
  params = { pause = param("10ms", "how long it sleeps") },
  cases  = { short = { n = 1 }, long = { n = 2 } },
  run    = function(t) sleep(t.params.pause) end,
}
LUA

it "shows help and exits with 2 when no command is given"
expect_exit 2 "$stormdrill"
expect_stderr "commands:"

it "shows help on standard output when it was asked for"
for words in help --help -h; do
  expect_exit 0 "$stormdrill" $words
  expect_stdout "commands:"
  expect_stdout "exit codes:"
  expect_not_stdout "guard"
done
for command in run list validate api proxy fault analyze export version help; do
  expect_exit 0 "$stormdrill" help $command
  expect_stdout "usage: stormdrill $command"
  expect_exit 0 "$stormdrill" $command --help
  expect_stdout "usage: stormdrill $command"
done

it "suggests the command that was meant"
expect_exit 2 "$stormdrill" rnu
expect_stderr "there is no command 'rnu'; did you mean 'run'?"
expect_stderr "[exit 2]"
expect_exit 2 "$stormdrill" help vaildate
expect_stderr "did you mean 'validate'?"
expect_exit 2 "$stormdrill" --seed 4 run
expect_stderr "the command comes first"

it "suggests the flag that was meant"
expect_exit 2 "$stormdrill" run fine.lua --sede 4
expect_stderr "run has no flag --sede; did you mean --seed?"
expect_exit 2 "$stormdrill" run fine.lua -z
expect_stderr "run has no flag -z"

it "refuses numbers that are none, negative or too many"
expect_exit 2 "$stormdrill" run fine.lua --seed x
expect_stderr "--seed takes a whole number, not 'x'"
expect_exit 2 "$stormdrill" run fine.lua --seed -7
expect_stderr "--seed -7 is too small"
expect_exit 2 "$stormdrill" run fine.lua -j 0
expect_stderr "--jobs 0 is too small: from 1 on"
expect_exit 2 "$stormdrill" run fine.lua -j 100000
expect_stderr "too many: at most 256"
expect_exit 2 "$stormdrill" run fine.lua --repeat 0
expect_stderr "--repeat 0 is too small"
expect_exit 2 "$stormdrill" run fine.lua --timeout 5
expect_stderr "--timeout needs a unit"
expect_exit 2 "$stormdrill" run fine.lua --timeout=-5s
expect_stderr "timeout cannot be negative"

it "refuses formats and choices that do not exist"
expect_exit 2 "$stormdrill" run fine.lua --format yaml
expect_stderr "--format has no 'yaml'"
expect_stderr "it takes: terminal, json"
expect_exit 2 "$stormdrill" run fine.lua --format jsno
expect_stderr "did you mean 'json'?"
expect_exit 2 "$stormdrill" export x --format csv
expect_stderr "--format has no 'csv'"
expect_exit 2 "$stormdrill" run fine.lua --progress loud
expect_stderr "it takes: auto, plain, none"

it "refuses parameters that no scenario has, and values that do not fit"
expect_exit 2 "$stormdrill" run fine.lua --set puase=20ms
expect_stderr "did you mean 'pause'?"
expect_exit 2 "$stormdrill" run fine.lua --set pause=20
expect_stderr "needs a unit"
expect_exit 2 "$stormdrill" run fine.lua --set pause
expect_stderr "is no name=value"

it "refuses paths that are not there, and says when nothing was named"
expect_exit 2 "$stormdrill" run nowhere.lua
expect_stderr "there is no file or folder nowhere.lua"
expect_exit 2 "$stormdrill" run
expect_stderr "no folder 'scenarios' here"
expect_exit 2 "$stormdrill" analyze
expect_stderr "no run was named"
expect_exit 2 "$stormdrill" analyze fine.lua
expect_stderr "neither a run nor a case"
expect_exit 2 "$stormdrill" export nowhere
expect_stderr "there is no folder nowhere"

it "names what is wrong in -k, and says what there is when nothing matches"
expect_exit 2 "$stormdrill" list fine.lua -k 'core and'
expect_stderr "a word is missing at column 9"
expect_exit 2 "$stormdrill" list fine.lua -k '(core'
expect_stderr "a parenthesis that is not closed"
expect_exit 2 "$stormdrill" run fine.lua -k 'fine weather'
expect_stderr "two words without 'and' or 'or'"
expect_exit 5 "$stormdrill" run fine.lua -k releaze
expect_stderr "nothing matches -k 'releaze'; tags here: core, release"
expect_stderr "did you mean -k release?"
expect_exit 5 "$stormdrill" run fine.lua --case shrot
expect_stderr "did you mean 'short'?"
expect_stderr "cases here: long, short"

it "refuses an --out that holds something, is no folder, or cannot be written to"
mkdir -p full && touch full/something
expect_exit 2 "$stormdrill" run fine.lua --out full
expect_stderr "--out full is not empty"
expect_exit 2 "$stormdrill" run fine.lua --out fine.lua
expect_stderr "is there and is no folder"
expect_exit 4 "$stormdrill" run fine.lua --out /proc/nowhere/run
expect_stderr "cannot make the folder"
expect_stderr "--out DIR"

it "says that a folder has no scenarios"
mkdir -p empty && echo text >empty/readme.txt
expect_exit 5 "$stormdrill" run empty
expect_stderr "no scenario under empty"

it "has started nothing of all that"
expect_true "no output folder was made" test ! -e stormdrill-out

it "colours what it is told to"
expect_exit 2 "$stormdrill" run fine.lua --color blue
expect_stderr "it takes: auto, always, never"
expect_exit 0 "$stormdrill" help --color always
expect_stdout $'\033[1mcommands:'
expect_exit 0 env FORCE_COLOR=1 NO_COLOR=1 "$stormdrill" help
expect_not_stdout $'\033'

it "says its version, also for machines"
expect_exit 0 "$stormdrill" version
expect_stdout "nats.c"
expect_exit 0 "$stormdrill" version --json
expect_stdout '"libuv": "1.'

it "shows what scenarios can say, and suggests what was meant"
expect_exit 0 "$stormdrill" api
expect_stdout "link:latency"
expect_exit 0 "$stormdrill" api link:latency
expect_stdout "base  duration, 0 to 1h"
expect_exit 2 "$stormdrill" api link:lateny
expect_stderr "did you mean 'link:latency'?"
expect_exit 2 "$stormdrill" proxy --upstream 127.0.0.1:1 --fault pause
expect_stderr "the faults are: blackhole, close_after, "
