#!/usr/bin/env bash
# How long files, functions and lines may be, and how a file opens (STYLE C1, C20).
source "$(dirname "$0")/tidy.sh"

file_lines_max=500
function_lines_max=70
columns_max=90

while read -r file; do
  looked_at=$((looked_at + 1))
  lines=$(wc -l <"$file")
  if [[ $file == *.c ]] && [ "$lines" -gt "$file_lines_max" ]; then
    complain "$file" "$lines" "$lines lines; a .c file has at most $file_lines_max: split it"
  fi
  if [ "$(head -c 2 "$file")" != "/*" ]; then
    complain "$file" 1 "a file opens with a comment that tells its story"
  fi
  complain_lines "wider than $columns_max columns" \
    < <(grep -nE "^.{$((columns_max + 1))}" "$file" |
      sed "s|^\([0-9]*\):.*|$file:\1:|")
  # Linux braces: a function's body stands between lines that are just { and }.
  complain_lines "" < <(awk -v max="$function_lines_max" -v file="$file" '
    /^\{$/ { start = NR }
    /^\}$/ && start {
      if (NR - start + 1 > max)
        printf "%s:%d:function of %d lines; %d is the most\n", file, start, NR - start + 1, max
      start = 0
    }' "$file")
done < <(sources "${code_folders[@]}" -- '*.c' '*.h')

finish
