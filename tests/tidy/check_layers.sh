#!/usr/bin/env bash
# Includes point one way (DESIGN 3): base <- proxy <- harness; reports see evidence and
# verdicts only; only the command line sees reports. Each .c includes its header first.
source "$(dirname "$0")/tidy.sh"

# may FOLDER ALLOWED: project includes of FOLDER's files match this pattern.
may() {
  local folder=$1 allowed=$2 file
  while read -r file; do
    looked_at=$((looked_at + 1))
    complain_lines "$folder may not include" \
      < <(grep -nE '^#include "' "$file" | grep -vE "\"($allowed)" | sed "s|^|$file:|")
  done < <(sources "$folder" -- '*.c' '*.h' '*.def')
}

may proxy/base 'proxy/base/'
may proxy 'proxy/'
may harness/evidence 'harness/evidence/|harness/context\.h|proxy/base/|proxy/observer\.h|proxy/plane\.h'
may harness/process 'harness/process/|proxy/base/'
may proxy/nats 'proxy/nats/|proxy/base/'
may harness/checks 'harness/checks/|harness/evidence/|proxy/base/|proxy/nats/|proxy/observer\.h'
may reports 'reports/|harness/evidence/|harness/checks/|harness/suite/result\.h|proxy/base/'

while read -r file; do
  complain_lines "only harness/cli includes reports/" \
    < <(grep -nE '^#include "reports/' "$file" | sed "s|^|$file:|")
done < <(sources proxy harness -- '*.c' '*.h' | grep -v '^harness/cli/')

while read -r file; do
  header=${file%.c}.h
  [ -e "$header" ] || continue
  first=$(grep -m 1 -nE '^#include' "$file")
  [[ $first == *"\"$header\""* ]] ||
    complain "$file" "${first%%:*}" "includes its own header first: \"$header\""
done < <(sources proxy harness reports -- '*.c')

finish
