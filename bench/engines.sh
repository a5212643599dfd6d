#!/bin/bash
# How long podman takes on kernel overlayfs, fuse-overlayfs and tsaufs-overlay: `run` of a command that writes one small file,
# `commit` of that container, and its `diff`, over a Debian of some 8,700 entries. Medians, in milliseconds; the rounds go through
# all of them in turn. With a mount program `commit` sleeps until the next full second (docs/engines.md): one commit of a round
# begins at any time, the other shortly before a full second, and the quickest of all is shown too.
# Needs root, mmdebstrap and: scripts/install-deps.sh engines
# usage: bench/engines.sh [ROUNDS [ROOTFS.tar]]       7 rounds; a rootfs is made if none is given
set -eu
rounds=${1:-7}
repo=$(cd "$(dirname "$0")/.." && pwd)
. "$repo/scripts/podman-kinds.sh"
import_debian "${2:-}"

# Nobody types that fast: what the last command has left to do is done, and a spare is ready.
settle() { sleep 2; }

# BEFORE_SECOND MS: wait until a second is over but for so long
before_second() {
  python3 -c 'import sys, time; time.sleep((1 - float(sys.argv[1]) / 1000 - time.time()) % 1)' "$1"
}

# TIMED NAME KIND ARGUMENTS...
timed() {
  local name=$1 start end
  shift
  start=$(date +%s%N)
  podman_on "$@" >/dev/null 2>&1
  end=$(date +%s%N)
  echo "$name $1 $(((end - start) / 1000000))" >>"$work/times"
}

for kind in $kinds; do
  # Once before the clock starts, for caches of all kinds.
  podman_on "$kind" run --name first debian sh -c 'echo first >/root/file'
  podman_on "$kind" commit -q first image >/dev/null
done
for round in $(seq "$rounds"); do
  for kind in $kinds; do
    settle
    timed run "$kind" run --name "any$round" debian sh -c "echo any $round >/root/file"
    settle
    timed commit "$kind" commit -q "any$round" image
    settle
    timed diff "$kind" diff "any$round"
    podman_on "$kind" run --name "end$round" debian sh -c "echo end $round >/root/file"
    settle
    before_second $((40 + round * 120 / rounds))
    timed no-wait "$kind" commit -q "end$round" image
  done
done
python3 - "$work/times" <<'END'
import statistics, sys
times = {}
for line in open(sys.argv[1]):
    name, kind, ms = line.split()
    times.setdefault(name, {}).setdefault(kind, []).append(int(ms))
print('| podman | overlayfs | fuse-overlayfs | tsaufs | tsaufs / overlayfs |')
print('|---|---|---|---|---|')
for name, title, value in [
    ('run', 'run', statistics.median), ('diff', 'diff', statistics.median), ('commit', 'commit', statistics.median),
    ('no-wait', 'commit, the quickest, without the wait', min),
]:
    m = {kind: value(ms) for kind, ms in times[name].items()}
    print(f"| {title} | {m['overlayfs']} | {m['fuse-overlayfs']} | {m['tsaufs']} | {m['tsaufs'] / m['overlayfs']:.1f} |")
END
