#!/usr/bin/env bash
# Calls that we do not make, and variables that nobody may change (STYLE C14, C20).
source "$(dirname "$0")/tidy.sh"

banned='strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|rand|srand|random|drand48|tmpnam|mktemp|strtok'

while read -r file; do
  looked_at=$((looked_at + 1))
  code=$(awk -f "$tidy_folder/code_only.awk" "$file")
  complain_lines "banned call" \
    < <(grep -nE "(^|[^A-Za-z0-9_.>])($banned)[[:space:]]*\(" <<<"$code" |
      sed "s|^|$file:|")
  # A test may drive a shell; the product takes an argv and never a string (DESIGN 12).
  [[ $file == tests/* || $file == */main.c ]] && continue
  complain_lines "a program is an argv, never a shell string" \
    < <(grep -nE "(^|[^A-Za-z0-9_.>])(system|popen)[[:space:]]*\(" <<<"$code" |
      sed "s|^|$file:|")
  complain_lines "exit outside main.c" \
    < <(grep -nE "(^|[^A-Za-z0-9_])exit[[:space:]]*\(" <<<"$code" | sed "s|^|$file:|")
  complain_lines "mutable variable at file scope" \
    < <(grep -nE '^(static|_Thread_local) [^(]*([;=]|\{)' <<<"$code" |
      grep -vE '\bconst\b|_Static_assert|inline' | sed "s|^|$file:|")
done < <(sources "${code_folders[@]}" -- '*.c' '*.h')

finish
