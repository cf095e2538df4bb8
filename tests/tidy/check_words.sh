#!/usr/bin/env bash
# Nothing is left for later, and no test is switched off.
source "$(dirname "$0")/tidy.sh"

# Spelled in two halves, so that this file does not find itself.
later="TO""DO|FIX""ME|X""XX"
while read -r file; do
  looked_at=$((looked_at + 1))
  complain_lines "left for later" \
    < <(grep -nwE "$later" "$file" | sed "s|^|$file:|")
  case $file in
  tests/*.c)
    complain_lines "a test that is switched off" \
      < <(awk -f "$tidy_folder/code_only.awk" "$file" |
        grep -nE '(^|[^A-Za-z0-9_])skip[[:space:]]*\(' | sed "s|^|$file:|")
    ;;
  esac
done < <(sources "${code_folders[@]}" scenarios docs -- '*.c' '*.h' '*.sh' '*.lua' '*.md' '*.def' CMakeLists.txt)

finish
