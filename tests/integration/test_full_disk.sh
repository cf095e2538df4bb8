#!/usr/bin/env bash
# No room: /dev/shm full, then the run folder too. Nothing crashes; the run either keeps
# its evidence elsewhere, or says what is wrong and judges nothing it cannot know.
#
# Each run happens in a mount namespace of its own, with small tmpfs folders in it; what
# lies on those is copied out before they vanish.
set -u
binary=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d /tmp/stormdrill-full.XXXXXX)
trap 'rm -rf "$work"' EXIT
failed=0
passed=0

namespace=(unshare -m)
[ "$(id -u)" -eq 0 ] || namespace=(unshare -Urm)
if ! "${namespace[@]}" true 2>/dev/null; then
  echo "this test needs a mount namespace (root, or user namespaces allowed)"
  exit 1
fi

cat >"$work/inside.sh" <<'INSIDE'
# SHM_SIZE OUT_SIZE DISK KEEP command...
mount -t tmpfs -o "size=$1" tmpfs /dev/shm || exit 99
mount -t tmpfs -o "size=$2" tmpfs "$3" || exit 99
disk=$3 keep=$4
shift 4
"$@"
code=$?
cp "$disk"/run/results.json "$keep.json" 2>/dev/null
cat "$disk"/run/cases/*/log.ndjson >"$keep.log" 2>/dev/null
exit $code
INSIDE

run_with() { # NAME SHM_SIZE OUT_SIZE -> $code, and $work/NAME.{out,err,json,log}
  mkdir -p "$work/$1"
  "${namespace[@]}" bash "$work/inside.sh" "$2" "$3" "$work/$1" "$work/$1" \
    "$binary" run "$top/scenarios/traps/06-message-loss.lua" --case remedy \
    --out "$work/$1/run" >"$work/$1.out" 2>"$work/$1.err"
  code=$?
}

expect() { # NAME WHAT CONDITION...
  local name=$1 what=$2
  shift 2
  if "$@"; then
    echo "ok: $what"
    passed=$((passed + 1))
  else
    echo "FAILED: $what (exit $code)"
    failed=$((failed + 1))
    tail -n 20 "$work/$name.out" "$work/$name.err"
  fi
}

exits_with() { # WANTED...
  local want
  for want in "$@"; do [ "$code" -eq "$want" ] && return 0; done
  return 1
}

run_with shm 64k 900m
expect shm "with /dev/shm full the case is judged all the same" exits_with 0
expect shm "its log says that /dev/shm had no room" grep -q '/dev/shm' "$work/shm.log"

run_with both 64k 300k
expect both "with the run folder full too it ends as an environment error or without a verdict" \
  exits_with 4 6
expect both "it says that there is no space" \
  grep -qiE 'no space|no room|space left' "$work/both.out" "$work/both.err"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
