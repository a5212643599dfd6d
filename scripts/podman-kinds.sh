# For scripts that run podman on kernel overlayfs, fuse-overlayfs and tsaufs-overlay, each with a store of its own (to be sourced).
#   repo (wanted)        the repository
#   work                 a directory for everything; it and what is mounted and running in it is gone at the end
#   kinds                the three names
#   podman_on KIND ...   podman with these arguments
#   import_debian [TAR]  a Debian as image `debian` into each store; a small one is made if none is given
work=$(mktemp -d)
kinds='overlayfs fuse-overlayfs tsaufs'
cleanup() {
  # The spare of our run directory, and what podman leaves mounted.
  for pid in $(pgrep -f "tsaufs spare $work/run/"); do kill "$pid"; done
  for kind in $kinds; do
    podman_on "$kind" rm -f -t 0 -a >/dev/null 2>&1 || true
    umount -l "$work/$kind/overlay" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

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
    tsaufs) program="--storage-opt overlay.mount_program=$repo/bin/tsaufs-overlay" ;;
  esac
  # shellcheck disable=SC2086  # two words or none
  podman --root "$work/$kind" --runroot "$work/run-$kind" --storage-driver overlay $program --runtime runc "$@"
}

import_debian() {
  local tar=${1:-$work/rootfs.tar} kind
  [ -e "$tar" ] || mmdebstrap --quiet --variant=minbase bookworm "$tar"
  for kind in $kinds; do podman_on "$kind" import -q "$tar" debian >/dev/null; done
}
