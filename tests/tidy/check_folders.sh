#!/usr/bin/env bash
# Every folder with code opens with a README that is a map. Folders of scenarios share the
# index; the layers' folders below tests/unit and tests/lib mirror the tree and share
# their parent's.
source "$(dirname "$0")/tidy.sh"

while read -r folder; do
  case $folder in
  scenarios/* | tests/unit/* | tests/lib/* | tests/fuzz/corpus*) continue ;;
  esac
  looked_at=$((looked_at + 1))
  [ -s "$folder/README.md" ] || complain "$folder/README.md" 1 "missing: what lives here?"
done < <(sources "${code_folders[@]}" scenarios -- '*.c' '*.h' '*.lua' '*.sh' '*.def' |
  xargs -r -n 1 dirname | sort -u)

for folder in . proxy harness reports scenarios docs tests; do
  looked_at=$((looked_at + 1))
  [ -s "$folder/README.md" ] || complain "$folder/README.md" 1 "missing: what lives here?"
done

finish
