#!/bin/bash
# The main job on real directories: the transcript people know from aufs, every line checked on the mount and on the branches.
# usage: scripts/demo.sh [tsaufs | mount] [OPTION,...]     `tsaufs mount` (default) or `mount -t tsaufs`; more mount options
# Builds tsaufs first if that has not been done. Leaves nothing behind.
set -euo pipefail
repo="$(cd "$(dirname "$0")/.." && pwd)"
how="${1:-tsaufs}"
more="${2:+,$2}"

if [ ! -e "$repo/dist/lib/cli/program.js" ] || [ ! -e "$repo/build/Release/tsaufs-start" ]; then
  "$repo/scripts/install-deps.sh" build runtime
  (cd "$repo" && npm ci)
fi
tsaufs() { "$repo/bin/tsaufs" "$@"; }

place="$(mktemp -d)"
finish() {
  mountpoint -q "$place/mnt" && tsaufs umount "$place/mnt"
  rm -rf "$place"
}
trap finish EXIT
cd "$place"

# run COMMAND: show it and what it prints. expect WHAT ACTUAL WANTED: compare, or stop.
run() { echo "\$ $*"; eval "$*"; }
expect() {
  if [ "$2" != "$3" ]; then printf 'demo: %s: wanted %q, got %q\n' "$1" "$3" "$2" >&2; exit 1; fi
}
list() { (cd "$1" && find . -mindepth 1 -name '.wh..wh.*' -prune -o -mindepth 1 -printf '%P\n' | sort | tr '\n' ' '); }

run 'mkdir a b mnt'
run 'echo "a.log of a" >a/a.log; echo "x.log of a" >a/x.log'
run 'echo "b.log of b" >b/b.log; echo "x.log of b" >b/x.log'
case "$how" in
  tsaufs) run "tsaufs mount -o dirs=./a:./b$more none ./mnt" ;;
  mount) run "mount -t tsaufs -o dirs=./a:./b$more none ./mnt" ;;
  *) echo "demo: '$how' is not a way to mount; give tsaufs or mount" >&2; exit 2 ;;
esac

run 'ls mnt'
expect 'the merged tree' "$(list mnt)" 'a.log b.log x.log '
expect 'x.log is of the first branch' "$(cat mnt/x.log)" 'x.log of a'

run 'echo changed >mnt/x.log'
run 'cat a/x.log b/x.log'
expect "a's x.log" "$(cat a/x.log)" 'changed'
expect "b's x.log" "$(cat b/x.log)" 'x.log of b'

run 'echo changed >mnt/b.log    # copied up into a'
run 'cat a/b.log b/b.log'
expect "a's b.log" "$(cat a/b.log)" 'changed'
expect "b's b.log" "$(cat b/b.log)" 'b.log of b'
expect "the mount's b.log" "$(cat mnt/b.log)" 'changed'

run 'touch b/bb.log             # directly in the branch'
run 'ls mnt'
expect 'the new file is seen' "$(list mnt)" 'a.log b.log bb.log x.log '

run 'rm mnt/a.log               # nothing below needs a whiteout'
run 'ls -A a'
expect 'a without a.log' "$(list a)" 'b.log x.log '

run 'rm mnt/bb.log              # b keeps it, a hides it'
run 'ls -A a b'
expect 'a with a whiteout' "$(list a)" '.wh.bb.log b.log x.log '
expect 'b untouched' "$(list b)" 'b.log bb.log x.log '
expect 'the whiteout is empty' "$(stat -c %s a/.wh.bb.log)" '0'
expect 'the merged tree' "$(list mnt)" 'b.log x.log '

run 'tsaufs branches mnt'
expect 'the branches' "$(tsaufs branches mnt)" "$place/a=rw
$place/b=ro"
run 'tsaufs umount mnt'
expect 'nothing mounted' "$(mountpoint -q mnt && echo mounted)" ''
expect 'nothing left in mnt' "$(list mnt)" ''
echo 'demo: every line is as it should be'
