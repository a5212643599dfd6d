#!/bin/bash
# The Debian tree of test/real for the benchmark.
#   debian.sh find         prints the cached tar, the directory of .debs and npm's cache, a line each; makes them if need be
#   debian.sh unpack DIR   the tree
#   debian.sh tools DIR    the tree with git, a compiler, sqlite and PostgreSQL installed
#   debian.sh box ROOT STEP DEBS STEPS    run a step in a chroot, as scripts/real-tree.sh does
set -eu -o pipefail
umask 022
here=$(cd "$(dirname "$0")/../../test/real" && pwd)
cache=${TSAUFS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsaufs}
say() { printf '%s\n' "$*"; }
die() { printf 'debian.sh: %s\n' "$*" >&2; exit 1; }
. "$here/base.sh"

box() {
  exec unshare --mount --pid --ipc --net --fork --kill-child bash "$here/box.sh" "$1" "$4" "$3" "$2"
}

case $1 in
  find)
    command -v mmdebstrap > /dev/null || die 'mmdebstrap is not installed: apt-get install mmdebstrap'
    mkdir -p "$cache"
    ensure_base
    say "$base_tar" && say "$base_debs" && say "$cache/npm"
    ;;
  unpack)
    ensure_base
    tar -C "$2" --xattrs --xattrs-include='*' --acls --numeric-owner -xpf "$base_tar"
    ;;
  tools)
    "$0" unpack "$2"
    ensure_base
    SCALE=1 PACKAGES=$packages box "$2" apt "$base_debs" "$here/steps" > /dev/null
    ;;
  box) shift && box "$@" ;;
esac
