#!/usr/bin/env bash
# Every name in a .def list has its file and its test; every member has its line (C7).
source "$(dirname "$0")/tidy.sh"

# family DEF MACRO FOLDER PREFIX
family() {
  local def=$1 macro=$2 folder=$3 prefix=$4 names name line file
  names=$(grep -nE "^$macro\(" "$def" | sed -E "s/^([0-9]+):$macro\(([a-z0-9_]+)\).*/\1 \2/")
  while read -r line name; do
    [ -n "$name" ] || continue
    looked_at=$((looked_at + 1))
    if [ ! -e "$folder/$name.c" ]; then
      complain "$def" "$line" "$name has no $folder/$name.c"
    elif ! grep -qE "^const struct [a-z_]+ ${prefix}_$name\b" "$folder/$name.c"; then
      complain "$folder/$name.c" 1 "defines no constant ${prefix}_$name"
    fi
    if [ -z "$(find tests -name "test_*$name*.c" -o -name "test_*$name*.sh")" ]; then
      complain "$def" "$line" "$name has no test: no tests/**/test_*$name*.c"
    fi
  done <<<"$names"
  for file in "$folder"/*.c; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .c)
    if grep -qE "^const struct [a-z_]+ ${prefix}_$name\b" "$file" &&
      ! grep -qE "^$macro\($name\)" "$def"; then
      complain "$file" 1 "${prefix}_$name has no line in $def"
    fi
  done
}

family proxy/faults/faults.def FAULT proxy/faults fault
family harness/checks/checks.def CHECK harness/checks check
family harness/client/workloads/workloads.def WORKLOAD harness/client/workloads workload
family reports/formats/formats.def FORMAT reports/formats format

finish
