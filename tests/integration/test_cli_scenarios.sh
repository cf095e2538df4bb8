#!/usr/bin/env bash
# Scenarios that are wrong: the words, the line, the exit code; by validate and by run.
source "$(dirname "$0")/../lib/shell.sh" "$@"

# broken NAME: the script of standard input in NAME.lua, wrong in itself: validate and run
# refuse it with 3 and the same words, and nothing is started.
broken() {
  cat >"$1.lua"
  expect_exit 3 "$stormdrill" run "$1.lua" --out "never-$1"
  expect_true "no folder was made" test ! -e "never-$1"
  expect_exit 3 "$stormdrill" validate "$1.lua"
}

# fails NAME CODE [FLAGS]: it loads, and its run ends with CODE.
fails() {
  local name=$1 wanted=$2
  shift 2
  cat >"$name.lua"
  expect_exit 0 "$stormdrill" validate "$name.lua"
  expect_exit "$wanted" "$stormdrill" run "$name.lua" --out "out-$name" --progress none "$@"
}

it "shows the line of a syntax error"
broken syntax <<'LUA'
scenario "x" {
  run = function(t)
    sleep("1s"
    phase "two"
  end,
}
LUA
expect_stderr "')' expected"
expect_stderr "--> syntax.lua:4"
expect_stderr '    4 >     phase "two"'
expect_stderr '    3 |     sleep("1s"'

it "suggests the word that was meant at the top of a scenario"
broken keyword <<'LUA'
scenario "x" {
  tmeout = "5s",
  run = function(t) end,
}
LUA
expect_stderr "did you mean 'timeout'?"
expect_stderr "--> keyword.lua:2"

it "refuses what stormdrill itself must decide about a broker"
broken ports <<'LUA'
scenario "x" {
  cluster = { nodes = 1, jetstream = true, config = { jetstream = { store_dir = "/tmp" } } },
  run = function(t) end,
}
LUA
expect_stderr "cluster.config.jetstream.store_dir cannot be set in a scenario"
expect_stderr "stormdrill keeps the node's files in the run folder; leave it out"
expect_stderr "--> ports.lua:1"

it "refuses a name that does not exist, with its line"
fails unknown 3 <<'LUA'
scenario "x" {
  run = function(t)
    slep "1s"
  end,
}
LUA
expect_stdout "did you mean 'sleep'?"
expect_stdout "unknown.lua:3"

it "refuses a number without its unit"
fails unit 3 <<'LUA'
scenario "x" {
  run = function(t)
    sleep(20)
  end,
}
LUA
expect_stdout 'sleep needs a unit: write "20s" or "20ms", not 20'
expect_stdout "unit.lua:3"

it "refuses a check that does not exist, and one with a wrong unit"
broken check <<'LUA'
scenario "x" {
  checks = { check.reconnnects { within = "5s" } },
  run = function(t) end,
}
LUA
expect_stderr "did you mean 'reconnects'?"
broken checkunit <<'LUA'
scenario "x" {
  checks = { check.reconnects { within = 5 } },
  run = function(t) end,
}
LUA
expect_stderr "within needs a unit"

it "refuses a negative number where none can be"
broken negative <<'LUA'
scenario "x" {
  cluster = { nodes = -1 },
  run = function(t) end,
}
LUA
expect_stderr "nodes"
expect_stderr "-1"

it "refuses what a scenario must not reach for"
broken sandbox <<'LUA'
os.execute("true")
scenario "x" { run = function(t) end }
LUA
expect_stderr "'os' is not available in a scenario"
expect_stderr "--> sandbox.lua:1"

it "ends an endless loop while loading, and one without a wait while running"
broken loop <<'LUA'
while true do end
LUA
expect_stderr "loop.lua:1"
fails spin 3 <<'LUA'
scenario "x" {
  run = function(t)
    while true do end
  end,
}
LUA
expect_stdout "spin.lua:3"

it "ends a scenario that takes all memory"
fails memory 3 <<'LUA'
scenario "x" {
  run = function(t)
    local all = {}
    for i = 1, 1e9 do all[i] = ("x"):rep(1e6) .. i end
  end,
}
LUA
expect_stdout "memory"

it "says that a file declares no scenario, is empty, or is no text"
: >empty.lua
expect_exit 3 "$stormdrill" run empty.lua
expect_stderr "empty.lua declares no scenario"
printf '\x7fELF\x02\x00\xff\xfe\x1b[2J' >binary.lua
expect_exit 3 "$stormdrill" run binary.lua
expect_stderr "binary.lua"
expect_true "no escape sequence reaches the terminal" \
  bash -c "! grep -q $'\033' '$work/.stderr'"
printf '\033Lua' >bytecode.lua
expect_exit 3 "$stormdrill" validate bytecode.lua
expect_stderr "bytecode.lua"

it "refuses names that are no UTF-8, since they stand in every report"
mkdir -p bytes && printf 'scenario "x" { run = function(t) end }\n' >$'bytes/\xff.lua'
expect_exit 2 "$stormdrill" run bytes
expect_stderr "is not valid UTF-8"
expect_exit 2 "$stormdrill" run $'bytes/\xff.lua'
expect_stderr "is not valid UTF-8"
printf 'scenario "x\xff" { run = function(t) end }\n' >bytes.lua
expect_exit 3 "$stormdrill" run bytes.lua
expect_stderr "UTF-8"
expect_stderr "bytes.lua:1"
expect_exit 2 "$stormdrill" run fine.lua --set $'a=\xff'
expect_stderr "is not valid UTF-8"

it "says that a file cannot be read"
ln -s nowhere dangling.lua
mkdir -p folder && ln -s nowhere folder/dangling.lua
expect_exit 2 "$stormdrill" run dangling.lua
expect_stderr "dangling.lua"
expect_exit 4 "$stormdrill" run folder
expect_stderr "folder/dangling.lua"

it "shows the errors of all files and starts none of them"
mkdir -p many
cp syntax.lua keyword.lua many/
printf 'scenario "fine" { run = function(t) end }\n' >many/fine.lua
expect_exit 3 "$stormdrill" run many --out never-many
expect_stderr "many/syntax.lua:4"
expect_stderr "many/keyword.lua:2"
expect_stderr "2 of 3 scenario files did not load; nothing was started"
expect_true "no folder was made" test ! -e never-many

it "says the line where a scenario raised an error"
fails raise 3 <<'LUA'
scenario "x" {
  run = function(t)
    local nothing
    nothing.field = 1
  end,
}
LUA
expect_stdout "ERROR"
expect_stdout "raise.lua:4"
expect_stdout "reproduce  stormdrill run raise.lua --seed"

it "fails an expectation that does not hold, with its words"
fails expectation 1 <<'LUA'
scenario "x" {
  run = function(t)
    expect("arithmetic holds", 1 + 1 == 3)
  end,
}
LUA
expect_stdout "FAIL"
expect_stdout "arithmetic holds"
expect_stdout "expectation.lua:3"

it "judges by the values of --set where checks are a function of them"
cat >told.lua <<'LUA'
scenario "x" {
  params = { first = param("250ms", "wait") },
  checks = function(t)
    return {
      check.backoff { first = t.params.first, cap = "3s" },
    }
  end,
  run = function(t) end,
}
LUA
expect_exit 6 "$stormdrill" run told.lua --out out-told --progress none --set first=400ms
expect_true "the check has it" grep -q '"first": "400ms"' out-told/cases/x/checks.json
expect_exit 2 "$stormdrill" run told.lua --out never-told --set first=5s
expect_stderr "cap is below first"
expect_stderr "--> told.lua:5"
expect_true "no folder was made" test ! -e never-told

it "is inconclusive when time runs out"
fails timeout 6 --timeout 300ms <<'LUA'
scenario "x" {
  run = function(t)
    sleep "1m"
  end,
}
LUA
expect_stdout "INCONCLUSIVE"
expect_stdout "timeout"

it "says which broker is missing, and that a program is none"
printf 'scenario "x" { cluster = { nodes = 1 }, run = function(t) end }\n' >broker.lua
expect_exit 4 "$stormdrill" run broker.lua --broker /nowhere/nats-server
expect_stderr "/nowhere/nats-server"
expect_exit 4 "$stormdrill" run broker.lua --broker /bin/true
expect_stderr "no nats-server"
expect_exit 4 env PATH=/nowhere STORMDRILL_BROKER=/nowhere/x "$stormdrill" run broker.lua
expect_stderr "--broker"
expect_true "no folder was made" test ! -e stormdrill-out
