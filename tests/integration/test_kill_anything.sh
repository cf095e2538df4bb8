#!/usr/bin/env bash
# kill -9 of suite, case, guard, client and broker at random moments of a run: whatever is
# killed, nothing is left running and the evidence can be read by `analyze`, which calls
# none of it damaged.
#
# Rounds run a few side by side; each has a run folder of its own, and a process belongs
# to a round when that folder stands in its command line or its environment.
set -u
binary=$1
rounds=${STORMDRILL_KILL_ROUNDS:-40}
at_once=4
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d /tmp/stormdrill-kill.XXXXXX)
trap 'rm -rf "$work"' EXIT

processes_of() { # OUT -> pids that belong to it
  # The pattern comes from a file: grep would find itself otherwise.
  local pattern="$work/pattern-${1##*-}"
  printf '%s' "$1" >"$pattern"
  grep -lsFz -f "$pattern" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null |
    sed 's|/proc/\([0-9]*\)/.*|\1|' | sort -un
}

role_of() { # PID -> suite, case, guard, client, broker or nothing
  local line
  line=$(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline") 2>/dev/null || return 0
  case "$line" in
    *stormdrill" run "*) echo suite ;;
    *stormdrill" case "*) case "$line" in *guard*) echo guard ;; *) echo case ;; esac ;;
    *stormdrill" client "*) case "$line" in *guard*) echo guard ;; *) echo client ;; esac ;;
    *" guard "*) echo guard ;;
    *nats-server*) echo broker ;;
  esac
}

kill_one() { # OUT ROLE -> kill -9 one process of that role, as soon as there is one
  local pid tries
  for tries in $(seq 100); do
    for pid in $(processes_of "$1" | shuf); do
      if [ "$(role_of "$pid")" = "$2" ]; then
        kill -9 "$pid" 2>/dev/null && return 0
      fi
    done
    sleep 0.05
  done
  echo "no $2 to kill (tried $tries times)"
  return 1
}

round() { # NUMBER -> a line "ok" or what was wrong, in $work/NUMBER.result
  local n=$1 out roles=(suite case guard client broker) role left
  out=$(printf '%s/run-%03d' "$work" "$n")
  role=${roles[$((n % 5))]}
  "$binary" run "$top/scenarios/traps/06-message-loss.lua" --case remedy --out "$out" \
    --seed "$n" >"$work/$n.out" 2>"$work/$n.err" &
  local suite=$!
  sleep "$(shuf -i 0-3 -n 1).$(shuf -i 0-9 -n 1)"
  if ! kill_one "$out" "$role" >"$work/$n.kill"; then
    # The run may have been over: then there was nothing to kill, which is no failure of
    # the product, but this round proved nothing.
    wait "$suite" 2>/dev/null
    echo "nothing killed: $(cat "$work/$n.kill")" >"$work/$n.result"
    return
  fi
  wait "$suite" 2>/dev/null
  for _ in $(seq 100); do
    left=$(processes_of "$out")
    [ -z "$left" ] && break
    sleep 0.1
  done
  if [ -n "$left" ]; then
    echo "killed a $role; left running: $(for p in $left; do role_of "$p"; done | xargs)" \
      >"$work/$n.result"
    # shellcheck disable=SC2086
    kill -9 $left 2>/dev/null
    return
  fi
  check_evidence "$n" "$out" "$role"
}

check_evidence() { # NUMBER OUT ROLE
  local n=$1 out=$2 role=$3 code shm
  if ! ls "$out"/cases/*/evidence/*.side >/dev/null 2>&1; then
    echo ok >"$work/$n.result" # killed before there was any
    return
  fi
  "$binary" analyze "$out" >"$work/$n.analyze" 2>&1
  code=$?
  case $code in
    0 | 1 | 4 | 6 | 70 | 130 | 143) ;;
    *)
      echo "killed a $role; analyze exits $code: $(tail -n 1 "$work/$n.analyze")" >"$work/$n.result"
      return
      ;;
  esac
  if grep -q '"bad_segments": [1-9]' "$out"/cases/*/case.json 2>/dev/null; then
    echo "killed a $role; called damaged: $(grep -h '"why"' "$out"/cases/*/case.json)" \
      >"$work/$n.result"
    return
  fi
  if ! "$binary" export "$out" --format jsonl >"$work/$n.jsonl" 2>"$work/$n.export" ||
    ! grep -q run_begin "$work/$n.jsonl"; then
    echo "killed a $role; export has no run_begin: $(cat "$work/$n.export")" >"$work/$n.result"
    return
  fi
  while read -r shm; do
    if [ -d "$shm" ]; then
      echo "killed a $role; $shm is still there after analyze" >"$work/$n.result"
      return
    fi
  done < <(cat "$out"/cases/*/evidence/shm 2>/dev/null)
  echo ok >"$work/$n.result"
}

running=0
for n in $(seq "$rounds"); do
  round "$n" &
  running=$((running + 1))
  if [ "$running" -ge "$at_once" ]; then
    wait -n
    running=$((running - 1))
  fi
done
wait

passed=$(grep -lx ok "$work"/*.result | wc -l)
idle=$(grep -l '^nothing killed' "$work"/*.result | wc -l)
failed=$((rounds - passed - idle))
grep -Hv -e '^ok$' "$work"/*.result | sed "s|$work/||"
echo "$passed rounds left nothing behind, $idle killed nothing, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ge $((rounds * 3 / 4)) ]
