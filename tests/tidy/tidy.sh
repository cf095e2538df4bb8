# shellcheck shell=bash
# tidy.sh: what the checks of this folder share.
#
#   source "$(dirname "$0")/tidy.sh"   # goes to the source folder, the first argument
#   complain FILE LINE TEXT            # one finding, as a compiler would print it
#   finish                             # the verdict: exits 1 after any finding

# shellcheck disable=SC2034 # the checks use these
set -u
tidy_folder=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
cd "${1:?usage: check_x.sh SOURCE-FOLDER}" || exit 1
export LC_ALL=C.UTF-8

findings=0
looked_at=0

complain() {
  echo "$1:$2: $3"
  findings=$((findings + 1))
}

# complain_lines TEXT: findings from lines "file:line:..." on stdin.
complain_lines() {
  local file line rest
  while IFS=: read -r file line rest; do
    complain "$file" "$line" "$1${1:+${rest:+: }}$rest"
  done
}

# sources FOLDER... -- NAME...: files of ours with these name patterns, one per line.
sources() {
  local folders=() patterns=() name
  while [ "$1" != "--" ]; do
    [ -d "$1" ] && folders+=("$1")
    shift
  done
  shift
  for name in "$@"; do
    patterns+=(-o -name "$name")
  done
  [ ${#folders[@]} -gt 0 ] || return 0
  find "${folders[@]}" -type f \( "${patterns[@]:1}" \) | sort
}

# shellcheck disable=SC2034
code_folders=(proxy harness reports tests)

# A check that looked at nothing has found out nothing.
finish() {
  echo "$looked_at looked at, $findings findings"
  [ "$looked_at" -gt 0 ] && [ "$findings" -eq 0 ]
  exit
}
