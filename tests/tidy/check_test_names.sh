#!/usr/bin/env bash
# A unit test is a sentence that names its file: test_<file>__<sentence> (STYLE C18), is
# in the table of its main, and asserts something.
source "$(dirname "$0")/tidy.sh"

while read -r file; do
  looked_at=$((looked_at + 1))
  name=$(basename "$file" .c)
  complain_lines "a test here is called ${name}__<sentence>" \
    < <(grep -nE '^(static )?void test_[a-z0-9_]+\(void \*\*' "$file" |
      grep -vE "void ${name}__[a-z0-9_]+\(" | sed "s|^|$file:|")
  while IFS=: read -r line test; do
    [ "$(grep -cwF "$test" "$file")" -gt 1 ] ||
      complain "$file" "$line" "$test is never run"
  done < <(grep -noE '\btest_[a-z0-9_]+__[a-z0-9_]+\(void' "$file" | sed 's/(void//')
  grep -qE 'assert|expect|fail' "$file" || complain "$file" 1 "asserts nothing"
done < <(sources tests/unit -- 'test_*.c')

finish
