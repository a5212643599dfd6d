#!/bin/bash
# How long podman takes on kernel overlayfs, fuse-overlayfs and tsaufs-overlay: `run` of a command that does nothing, `diff` and
# `commit` of a container that has changed one small file, over a Debian of some 8,700 entries. Medians, in milliseconds; the
# rounds go through all of them in turn. Needs root, mmdebstrap and: scripts/install-deps.sh engines
# usage: bench/engines.sh [ROUNDS [ROOTFS.tar]]       7 rounds; a rootfs is made if none is given
set -eu
rounds=${1:-7}
bin=$(cd "$(dirname "$0")/../bin" && pwd)
work=$(mktemp -d)
cleanup() {
  # The spare of our run directory, and what podman leaves mounted.
  for pid in $(pgrep -f "tsaufs spare $work/run/"); do kill "$pid"; done
  for kind in $kinds; do umount -l "$work/$kind/overlay" 2>/dev/null || true; done
  rm -rf "$work"
}
kinds='overlayfs fuse-overlayfs tsaufs'
trap cleanup EXIT
tar=${2:-$work/rootfs.tar}
[ -e "$tar" ] || mmdebstrap --quiet --variant=minbase bookworm "$tar"

cat >"$work/containers.conf" <<END
[containers]
netns = "none"
default_ulimits = ["nofile=10000:10000", "nproc=10000:10000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
END
export CONTAINERS_CONF=$work/containers.conf TSAUFS_RUN_DIR=$work/run

podman_on() {
  local kind=$1 program=
  shift
  case $kind in
    fuse-overlayfs) program="--storage-opt overlay.mount_program=$(command -v fuse-overlayfs)" ;;
    tsaufs) program="--storage-opt overlay.mount_program=$bin/tsaufs-overlay" ;;
  esac
  # shellcheck disable=SC2086  # two words or none
  podman --root "$work/$kind" --runroot "$work/run-$kind" --storage-driver overlay $program --runtime runc "$@"
}

# TIMED NAME KIND ARGUMENTS...
timed() {
  local name=$1 start end
  shift
  # Nobody types that fast: what the last command has left to do is done, and a spare is ready.
  sleep 2
  start=$(date +%s%N)
  podman_on "$@" >/dev/null 2>&1
  end=$(date +%s%N)
  echo "$name $1 $(((end - start) / 1000000))" >>"$work/times"
}

for kind in $kinds; do
  podman_on "$kind" import -q "$tar" debian >/dev/null
  podman_on "$kind" run --name changed debian sh -c 'echo changed >/root/file'
  # Once before the clock starts, for caches of all kinds.
  podman_on "$kind" commit -q changed image >/dev/null
done
for _ in $(seq "$rounds"); do
  for kind in $kinds; do
    timed run "$kind" run --rm debian true
    timed diff "$kind" diff changed
    timed commit "$kind" commit -q changed image
  done
done
for kind in $kinds; do podman_on "$kind" rm -f -t 0 -a >/dev/null; done

python3 - "$work/times" <<'END'
import statistics, sys
times = {}
for line in open(sys.argv[1]):
    name, kind, ms = line.split()
    times.setdefault(name, {}).setdefault(kind, []).append(int(ms))
print('| podman | overlayfs | fuse-overlayfs | tsaufs | tsaufs / overlayfs |')
print('|---|---|---|---|---|')
for name, row in times.items():
    m = {kind: statistics.median(ms) for kind, ms in row.items()}
    print(f"| {name} | {m['overlayfs']:.0f} | {m['fuse-overlayfs']:.0f} | {m['tsaufs']:.0f} | {m['tsaufs'] / m['overlayfs']:.2f} |")
END
