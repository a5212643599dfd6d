# What every step may use. A step runs under bash -eu -o pipefail and ends at the first command that fails; in
# `[ a ] && [ b ]` the first failing would be overlooked, so steps ask with these, which also say what they saw.
trap 'echo "FAILED at line $LINENO: $BASH_COMMAND" >&2' ERR
set -E

# is GOT WANTED
is() { [ "$1" = "$2" ] || { echo "FAILED at line ${BASH_LINENO[0]}: got '$1', wanted '$2'" >&2; exit 1; }; }
# absent PATH...
absent() {
  local path
  for path; do [ ! -e "$path" ] && [ ! -L "$path" ] || { echo "FAILED at line ${BASH_LINENO[0]}: $path is there" >&2; exit 1; }; done
}
# same PATH PATH: two names of one file
same() { [ "$1" -ef "$2" ] || { echo "FAILED at line ${BASH_LINENO[0]}: $1 and $2 are two files" >&2; exit 1; }; }
# refused COMMAND...: must fail
refused() {
  if "$@" 2> /dev/null; then echo "FAILED at line ${BASH_LINENO[0]}: not refused: $*" >&2; exit 1; fi
}
