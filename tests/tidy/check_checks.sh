#!/usr/bin/env bash
# The checks themselves: each finds what it is for in a small bad tree and nothing in a
# good one; the helpers of shell tests count; ./dev explains every command it has.
source "$(dirname "$0")/tidy.sh"

tree=$(mktemp -d "${TMPDIR:-/tmp}/stormdrill-tidy.XXXXXX")
trap 'rm -rf "$tree"' EXIT

# A tree in which every check has something to look at and nothing to say.
plant_good_tree() {
  local folder
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{proxy/base,proxy/faults,harness/checks,harness/client/workloads} \
    "$tree"/{reports/formats,scenarios/traps,docs,tests/unit/base}
  for folder in . proxy proxy/base proxy/faults harness harness/checks harness/client \
    harness/client/workloads reports reports/formats scenarios docs tests; do
    echo "# map" >"$tree/$folder/README.md"
  done
  echo "| \`traps/01-a.lua\` |" >>"$tree/scenarios/README.md"
  echo "-- two sentences" >"$tree/scenarios/traps/01-a.lua"
  printf '/* latency */\n#include "proxy/fault.h"\nconst struct fault_type fault_latency;\n' \
    >"$tree/proxy/faults/latency.c"
  echo "FAULT(latency)" >"$tree/proxy/faults/faults.def"
  : >"$tree/harness/checks/checks.def"
  : >"$tree/harness/client/workloads/workloads.def"
  : >"$tree/reports/formats/formats.def"
  {
    echo "/* test_latency: a test */"
    echo "static void test_latency__holds(void **state) { assert_true(state); }"
    echo "int main(void) { return run(test_latency__holds); }"
  } >"$tree/tests/unit/base/test_latency.c"
}

# finds CHECK TEXT: after something was broken, CHECK fails and says TEXT.
finds() {
  local check=$1 text=$2 said code=0
  looked_at=$((looked_at + 1))
  said=$(bash "$tidy_folder/check_$check.sh" "$tree") || code=$?
  if [ "$code" -eq 0 ]; then
    complain "tests/tidy/check_$check.sh" 1 "does not find: $text"
  elif ! grep -qF -- "$text" <<<"$said"; then
    complain "tests/tidy/check_$check.sh" 1 "says something else than '$text': $said"
  fi
  plant_good_tree
}

plant_good_tree
for check in banned families folders layers scenarios shape test_names words; do
  looked_at=$((looked_at + 1))
  said=$(bash "$tidy_folder/check_$check.sh" "$tree") ||
    complain "tests/tidy/check_$check.sh" 1 "finds fault with a good tree: $said"
done

x=$tree/proxy/base/x.c
printf '/* x */\n{\n    sprintf(b, "x"); /* rand() */\n}\n' >"$x"
finds banned "proxy/base/x.c:3: banned call"
printf '/* x */\nstatic int counter;\n' >"$x"
finds banned "proxy/base/x.c:2: mutable variable at file scope"
printf '/* x */\nvoid f(void)\n{\n    exit(1);\n}\n' >"$x"
finds banned "proxy/base/x.c:4: exit outside main.c"
printf '/* x */\nvoid f(void)\n{\n    system("ls");\n}\n' >"$x"
finds banned "proxy/base/x.c:4: a program is an argv"

echo "FAULT(stall)" >>"$tree/proxy/faults/faults.def"
finds families "stall has no proxy/faults/stall.c"
: >"$tree/proxy/faults/faults.def"
finds families "fault_latency has no line in proxy/faults/faults.def"
rm "$tree/tests/unit/base/test_latency.c"
finds families "latency has no test"

rm "$tree/proxy/faults/README.md"
finds folders "proxy/faults/README.md:1: missing"
printf '/* x */\n#include "harness/context.h"\n' >"$x"
finds layers "proxy/base/x.c:2: proxy/base may not include"
printf '/* x */\n#include <stdio.h>\n#include "proxy/base/x.h"\n' >"$x"
touch "${x%.c}.h"
finds layers "proxy/base/x.c:2: includes its own header first"
touch "$tree/scenarios/traps/02-b.lua"
finds scenarios "scenarios/traps/02-b.lua:1: has no line"
rm "$tree/scenarios/traps/01-a.lua"
touch "$tree/scenarios/traps/README.lua"
finds scenarios "there is no scenario traps/01-a.lua"

echo "int x;" >"$x"
finds shape "proxy/base/x.c:1: a file opens with a comment"
printf '/* x */\n/* %090d */\n' 0 >"$x"
finds shape "proxy/base/x.c:2: wider than 90 columns"
{ echo "/* x */" && printf 'int f(void)\n{\n' && yes ';' | head -n 69 && echo '}'; } >"$x"
finds shape "proxy/base/x.c:3: function of 71 lines"
{ echo "/* x */" && yes ';' | head -n 500; } >"$x"
finds shape "proxy/base/x.c:501: 501 lines"

echo "static void test_latency__lost(void **state) {}" >>"$tree/tests/unit/base/test_latency.c"
finds test_names "test_latency.c:4: test_latency__lost is never run"
echo "static void test_other(void **state) {}" >>"$tree/tests/unit/base/test_latency.c"
finds test_names "a test here is called test_latency__<sentence>"

echo "-- TO""DO" >>"$tree/scenarios/traps/01-a.lua"
finds words "scenarios/traps/01-a.lua:2: left for later"
echo "void f(void) { skip(); }" >>"$tree/tests/unit/base/test_latency.c"
finds words "a test that is switched off"

# shell.sh: a script passes only when something was expected and everything held.
helped() {
  local wanted=$1 script=$2 code=0
  looked_at=$((looked_at + 1))
  {
    echo "source '$PWD/tests/lib/shell.sh' \"\$@\""
    echo "$script"
  } >"$tree/script.sh"
  bash "$tree/script.sh" /bin/sh >"$tree/said" 2>&1 || code=$?
  [ "$code" -eq "$wanted" ] ||
    complain tests/lib/shell.sh 1 "'$script' exits with $code, not $wanted: $(cat "$tree/said")"
}
helped 0 'expect_exit 3 sh -c "echo out; echo err >&2; exit 3"; expect_stdout out; expect_stderr err'
helped 1 'expect_exit 0 false'
helped 1 'expect_exit 0 true; expect_stdout nothing'
helped 1 'expect_exit 0 echo a; expect_not_stdout a'
helped 1 'expect_equal a b letters'
helped 1 ':'
helped 1 'expect_exit 0 true; exit 1'
helped 1 'COMMAND_TIMEOUT=0.1 expect_exit 0 sleep 10'
helped 1 'expect_true "soon" await 0 false'

while read -r command; do
  looked_at=$((looked_at + 1))
  bash dev help | grep -q "^  $command " || complain dev 1 "help has no line for '$command'"
done < <(sed -n 's/^do_\([a-z]*\)() {$/\1/p' dev)

finish
