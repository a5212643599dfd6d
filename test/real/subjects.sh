# What can carry the tree. For each subject a pair of functions mount_X / umount_X over the directories of one run:
# $work/lower (the tree, never written), $work/rw (empty branch), $work/scratch, $work/mnt (where it is to appear).
# Sourced by scripts/real-tree.sh.

# The kernel ends a step's namespaces a moment after its last process: until then a mount may be busy.
umount_idle() {
  local try
  for try in $(seq 50); do
    umount "$1" 2> /dev/null && return
    sleep 0.1
  done
  umount "$1"
}

all_subjects='plain overlayfs fuse-overlayfs tsaufs'

# A plain directory has no branches: the tree is copied once, and "mounting" is a bind.
mount_plain() {
  [ -d "$work/rw/copy" ] || cp -a "$work/lower" "$work/rw/copy"
  mount --bind "$work/rw/copy" "$work/mnt"
}
umount_plain() { umount_idle "$work/mnt"; }

# index and xino: what overlayfs must be asked for to keep hard links and inode numbers; redirect_dir: to rename directories.
mount_overlayfs() {
  mkdir -p "$work/scratch/ovl"
  mount -t overlay -o "lowerdir=$work/lower,upperdir=$work/rw,workdir=$work/scratch/ovl" \
    -o "index=on,xino=on,redirect_dir=on${mount_options:+,$mount_options}" overlay "$work/mnt"
}
umount_overlayfs() { umount_idle "$work/mnt"; }

mount_fuse-overlayfs() {
  mkdir -p "$work/scratch/ovl"
  fuse-overlayfs -o "lowerdir=$work/lower,upperdir=$work/rw,workdir=$work/scratch/ovl,dev,suid" \
    ${mount_options:+-o "$mount_options"} "$work/mnt"
}
umount_fuse-overlayfs() { umount_idle "$work/mnt"; }

mount_tsaufs() {
  node "$repo/bin/tsaufs.js" mount -o "dirs=$work/rw=rw:$work/lower=rr${mount_options:+,$mount_options}" none "$work/mnt"
}
umount_tsaufs() { node "$repo/bin/tsaufs.js" umount "$work/mnt"; }

# Why a subject cannot run on this machine, on stdout; nothing when it can.
why_not() {
  case $1 in
    plain) ;;
    overlayfs) grep -qw overlay /proc/filesystems || echo 'this kernel has no overlayfs' ;;
    fuse-overlayfs) command -v fuse-overlayfs > /dev/null || echo 'fuse-overlayfs is not installed' ;;
    tsaufs) [ -c /dev/fuse ] || echo 'there is no /dev/fuse' ;;
    *) echo "no such subject; there are: $all_subjects" ;;
  esac
}
