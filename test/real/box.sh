#!/bin/bash
# box.sh ROOT STEPS_DIR DEBS STEP: run one step in a chroot. Called in mount, pid, ipc and net namespaces of its own (see
# run_in_chroot), so that what is mounted and started here ends with it, whatever happens.
set -eu
root=$1 steps=$2 debs=$3 step=$4

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/mnt"
mkdir "$root/mnt/steps" "$root/mnt/debs"
mount --bind "$steps" "$root/mnt/steps"
mount --bind "$debs" "$root/mnt/debs"

exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C TZ=UTC DEBIAN_FRONTEND=noninteractive \
  SCALE="$SCALE" PACKAGES="$PACKAGES" chroot "$root" \
  /bin/bash -eu -o pipefail -c ". /mnt/steps/check.sh; . /mnt/steps/$step.sh" < /dev/null
