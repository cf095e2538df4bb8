# shellcheck shell=bash
# shell.sh: what tests/integration/test_*.sh share. Source it first:
#
#   #!/usr/bin/env bash
#   source "$(dirname "$0")/../lib/shell.sh" "$@"
#
#   it "refuses an unknown subcommand"
#   expect_exit 2 "$stormdrill" rnu
#   expect_stderr "did you mean 'run'?"
#
# It takes the binary as the test's first argument ($stormdrill), goes into a temporary
# folder ($work) that is removed at the end, and counts: at exit it prints one line and
# exits with 1 when an expectation failed or none was stated. The repository is $source_dir.
# A test starts its own processes with `start` so that none is left behind.

set -u

if [ $# -lt 1 ] || [ ! -x "$1" ]; then
  echo "usage: ${0##*/} PATH-TO-STORMDRILL" >&2
  exit 2
fi
stormdrill=$(realpath "$1")
source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
work=$(mktemp -d "${TMPDIR:-/tmp}/stormdrill-test.XXXXXX")
cd "$work" || exit 1
export stormdrill source_dir work

sentence="starts"
passed=0
failed=0
skipped=""
last_command=""
started_pids=()

# A child that is killed between its fork and its exec still has these traps; only the
# test itself may clean up.
main_pid=$BASHPID

finish() {
  local code=$?
  local pid
  trap - EXIT INT TERM
  [ "$BASHPID" = "$main_pid" ] || exit "$code"
  for pid in "${started_pids[@]}"; do
    kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  done
  cd / && rm -rf "$work"
  if [ -n "$skipped" ] && [ "$failed" -eq 0 ]; then
    echo "SKIPPED: ${0##*/}: $skipped" >&2
    exit 77
  fi
  echo "${0##*/}: $passed expectations held, $failed failed"
  if [ "$failed" -gt 0 ] || [ "$passed" -eq 0 ]; then
    exit 1
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# skip REASON: this machine has not what the test needs. ctest is told by exit code 77.
skip() {
  skipped=$1
  exit 77
}

# it SENTENCE: what the expectations that follow are about.
it() {
  sentence=$1
  echo "- $sentence"
}

pass() {
  passed=$((passed + 1))
}

# fail TEXT: count a failure and show what the last command said.
fail() {
  local frame=0
  failed=$((failed + 1))
  while [ "${BASH_SOURCE[frame + 1]:-}" = "${BASH_SOURCE[0]}" ]; do
    frame=$((frame + 1)) # the first caller outside of this file
  done
  {
    echo "FAILED: $sentence: $1"
    echo "  at:      ${BASH_SOURCE[frame + 1]:-?}:${BASH_LINENO[frame]:-?}"
    echo "  command: $last_command"
    show_output stdout
    show_output stderr
  } >&2
}

show_output() {
  if [ -s "$work/.$1" ]; then
    echo "  $1:"
    head -c 4000 "$work/.$1" | sed 's/^/    /'
  fi
}

# capture COMMAND...: run it; its output is in $work/.stdout and .stderr, its code in $code.
# A time limit keeps a hanging command from taking the whole test's time.
capture() {
  last_command="$*"
  timeout --kill-after=5 "${COMMAND_TIMEOUT:-120}" "$@" \
    >"$work/.stdout" 2>"$work/.stderr" </dev/null
  code=$?
}

# expect_exit CODE COMMAND...
expect_exit() {
  local wanted=$1
  shift
  capture "$@"
  if [ "$code" -eq "$wanted" ]; then
    pass
  else
    fail "exit code $code instead of $wanted"
  fi
}

expect_in() {
  if grep -qF -- "$2" "$work/.$1"; then
    pass
  else
    fail "$1 does not contain: $2"
  fi
}

# expect_stdout TEXT, expect_stderr TEXT: the last command's output holds this text.
expect_stdout() {
  expect_in stdout "$1"
}

expect_stderr() {
  expect_in stderr "$1"
}

# expect_not_stdout TEXT, expect_not_stderr TEXT: it does not.
expect_not_stdout() {
  if grep -qF -- "$1" "$work/.stdout"; then fail "stdout contains: $1"; else pass; fi
}

expect_not_stderr() {
  if grep -qF -- "$1" "$work/.stderr"; then fail "stderr contains: $1"; else pass; fi
}

# expect_true WHAT COMMAND...: a condition of the test's own.
expect_true() {
  local what=$1
  shift
  if "$@"; then
    pass
  else
    fail "not true: $what"
  fi
}

# expect_equal WANTED GOT WHAT
expect_equal() {
  if [ "$1" = "$2" ]; then
    pass
  else
    fail "$3 is '$2' instead of '$1'"
  fi
}

# await SECONDS COMMAND...: until the command succeeds, or the time is up (then 1).
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# start COMMAND...: in the background, ended with the test; its pid is $!.
start() {
  "$@" &
  started_pids+=("$!")
}
