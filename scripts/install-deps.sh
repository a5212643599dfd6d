#!/bin/sh
# Install the Debian packages that are needed, as far as they are missing.
# usage: scripts/install-deps.sh [build] [runtime] [tests] [bench] [engines] [uml]      no word: the first three
set -eu

build='g++ make python3'
runtime='fuse3'
tests='acl attr libcap2-bin util-linux mount passwd procps strace fuse-overlayfs uidmap mmdebstrap e2fsprogs xfsprogs squashfs-tools git gcc groff-base iproute2 nftables slirp4netns busybox-static'
bench='gcc libc6-dev fuse-overlayfs mergerfs unionfs-fuse util-linux git mmdebstrap attr acl libcap2-bin python3'
engines='podman bubblewrap buildah skopeo umoci docker-registry docker.io containerd runc crun conmon slirp4netns uidmap fuse3 fuse-overlayfs iptables iproute2 netavark aardvark-dns busybox-static mmdebstrap attr'
uml='user-mode-linux busybox-static'

[ $# -gt 0 ] || set -- build runtime tests
wanted=''
for group in "$@"; do
  case $group in
    build) wanted="$wanted $build" ;;
    runtime) wanted="$wanted $runtime" ;;
    tests) wanted="$wanted $tests" ;;
    bench) wanted="$wanted $bench" ;;
    engines) wanted="$wanted $engines" ;;
    uml) wanted="$wanted $uml" ;;
    *) echo "install-deps: unknown group '$group'; give build, runtime, tests, bench, engines or uml" >&2; exit 2 ;;
  esac
done

missing=''
for package in $wanted; do
  status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" || status=''
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=''
[ "$(id -u)" -eq 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update
# shellcheck disable=SC2086  # a list of words
$sudo apt-get install -y --no-install-recommends $missing
