#!/usr/bin/env bash
# Every scenario has its line in scenarios/README.md, and every line its scenario.
source "$(dirname "$0")/tidy.sh"

while read -r file; do
  looked_at=$((looked_at + 1))
  grep -qF "$(basename "$file" .lua)" scenarios/README.md ||
    complain "$file" 1 "has no line in scenarios/README.md"
done < <(sources scenarios -- '*.lua')

while IFS=: read -r line name; do
  [ -e "$name" ] || [ -e "scenarios/$name" ] || [ -n "$(find scenarios -path "*/$name")" ] ||
    complain scenarios/README.md "$line" "there is no scenario $name"
done < <(grep -noE '[A-Za-z0-9_/-]+\.lua' scenarios/README.md)

finish
