#!/bin/bash
# A Debian tree that people work in, on a union mount, compared with the same work on a plain directory.
# See --help, and test/real/README.md for what is proved and how.
set -eu -o pipefail
# The caller's umask must not change what is made.
umask 022

repo=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
here=$repo/test/real
. "$here/base.sh"
. "$here/subjects.sh"

# NAME, where it runs (chroot or host), what must have run before, whether --quick has it.
steps='
apt      chroot -    quick
dpkg     chroot apt  quick
build    chroot apt  quick
git      chroot apt  quick
sqlite   chroot apt  quick
postgres chroot apt  -
npm      host   -    -
attrs    chroot -    quick
links    chroot -    quick
tar      host   apt  quick
rmdoc    chroot -    quick
rename   host   -    quick
'

usage() {
  cat <<U
usage: scripts/real-tree.sh [--quick] [--only STEP,...] [-o OPTIONS] [--keep] [--work DIR] SUBJECT
       scripts/real-tree.sh --list | --fill-cache

SUBJECT: $all_subjects. Needs root, mmdebstrap, python3, attr, acl, libcap2-bin; npm for the npm step.
  -o OPTIONS   more mount options, e.g. io=passthrough
  --quick      smaller steps, and without PostgreSQL and npm
  --only       these steps (and what they need) instead of all
  --keep       leave the directories of the run for a look; mounts are gone in any case
  --work DIR   where the branches are made (default: a new directory under \$TMPDIR or /tmp)
  --list       the steps
  --fill-cache fetch and build what the runs share, and stop
The tree, the .debs, npm's cache and the results on the plain directory are kept in \$TSAUFS_CACHE (default
\${XDG_CACHE_HOME:-~/.cache}/tsaufs). Exit: 0 all as on the plain directory; 1 not; 2 usage; 77 cannot run here.
U
}

say() { printf '%s\n' "$*"; }
die() { printf 'real-tree: %s\n' "$*" >&2; exit 1; }
bad_usage() { printf 'real-tree: %s\n' "$*" >&2; usage >&2; exit 2; }
cannot() { printf 'real-tree: cannot run here: %s\n' "$*" >&2; exit 77; }

# timed NAME COMMAND...: runs it, log to $work/log/NAME, one line with its time. The command's status comes back.
timed() {
  local name=$1 start=$EPOCHREALTIME status=0
  shift
  "$@" > "$work/log/$name" 2>&1 || status=$?
  awk -v name="$name" -v status="$status" -v from="$start" -v to="$EPOCHREALTIME" \
    'BEGIN { printf "%-10s %7.1f s%s\n", name, to - from, status ? "  FAILED (" status ")" : "" }'
  if [ "$status" != 0 ]; then tail -n "${TAIL:-25}" "$work/log/$name" | sed 's/^/  | /'; fi
  return "$status"
}

# Mounts and processes of a step live in its own namespaces and end with it. A step that hangs is killed, and one that runs
# when we are told to stop: it is waited for in a way that lets the trap run.
bounded() {
  timeout -k 3 "$step_seconds" "$@" < /dev/null &
  running=$!
  wait "$running"
}
stop() {
  if [ -n "$running" ]; then
    kill "$running" 2> /dev/null || true
    wait "$running" || true
  fi
  exit 130
}
run_in_chroot() {
  SCALE=$scale PACKAGES=$step_packages bounded \
    unshare --mount --pid --ipc --net --fork --kill-child bash "$here/box.sh" "$work/mnt" "$here/steps" "$base_debs" "$1"
}
run_on_host() {
  SCALE=$scale tree=$work/mnt work=$work here=$here cache=$cache bounded \
    unshare --mount --pid --fork --kill-child --mount-proc \
    bash -eu -o pipefail -c '. "$here/steps/check.sh"; . "$here/steps/$1.sh"' step "$1"
}
run_step() {
  case $(column "$1" 2) in
    chroot) run_in_chroot "$1" ;;
    host) run_on_host "$1" ;;
  esac
}

# column STEP N: a field of its row.
column() { awk -v name="$1" -v n="$2" '$1 == name { print $n }' <<< "$steps"; }

# Sets selected: the steps to run, in the table's order, with what they need.
select_steps() {
  local name wanted=",$only," need
  selected=''
  for name in ${only//,/ }; do
    need=$(column "$name" 3)
    [ -n "$need" ] || bad_usage "no step $name; --list shows them"
    wanted+="$need,"
  done
  while read -r name _ _ quick_too; do
    [ -n "$name" ] || continue
    if [ -n "$only" ]; then
      [[ $wanted == *",$name,"* ]] || continue
    elif [ "$quick" = 1 ] && [ "$quick_too" != quick ]; then
      continue
    fi
    selected+=" $name"
  done <<< "$steps"
}

# Last resort for a mount whose server does not answer: cut the connection, then detach.
force_unmount() {
  local minor
  mountpoint -q "$work/mnt" 2> /dev/null || [ "$(findmnt -n -o FSTYPE "$work/mnt" 2> /dev/null)" != '' ] || return 0
  minor=$(awk -v at="$work/mnt" '$5 == at { split($3, n, ":"); print n[2] }' /proc/self/mountinfo | tail -1)
  if ! timeout 20 umount "$work/mnt" 2> /dev/null; then
    if [ -n "$minor" ] && [ -d "/sys/fs/fuse/connections/$minor" ]; then
      echo 1 > "/sys/fs/fuse/connections/$minor/abort" || true
    fi
    umount -l "$work/mnt" || true
  fi
}

finish() {
  local status=$?
  force_unmount
  if [ "$keep" = 1 ]; then say "left for a look: $work" >&3; else rm -rf "$work"; fi
  exit "$status"
}

# Runs the selected steps on the mounted tree. Sets failed to those that failed or could not run.
run_steps() {
  local name need
  failed=''
  for name in $selected; do
    need=$(column "$name" 3)
    if [[ " $failed " == *" $need "* ]]; then
      say "$(printf '%-10s left out: %s failed' "$name" "$need")"
      failed+=" $name"
    elif ! timed "$name" run_step "$name"; then
      failed+=" $name"
    fi
  done
}

# Scan, unmount, mount, scan: the second must say the same, inode numbers included. Leaves $work/scratch/after.
remount_and_scan() {
  timed scan scan_to "$work/scratch/before"
  timed remount remount || { failed+=' remount'; return 0; }
  timed rescan scan_to "$work/scratch/after"
  timed remounted python3 "$here/tree_digest.py" compare --inodes "$work/scratch/before" "$work/scratch/after" ||
    failed+=' remounted'
}
scan_to() { python3 "$here/tree_digest.py" scan "$work/mnt" --since "$started" > "$1"; }
remount() { "umount_$subject" && "mount_$subject"; }

# One run of one subject over a fresh copy of the tree.
run_subject() {
  local sealed
  mkdir -p "$work"/{rw,scratch,mnt,log}
  timed unpack unpack_base "$work/lower" || die "the cached tree does not unpack"
  sealed=$(python3 "$here/tree_digest.py" seal "$work/lower")
  # A second apart: stamps of the tree and of the steps are told apart by this moment.
  started=$EPOCHREALTIME
  timed mount "mount_$subject" || die "$subject does not mount"
  run_steps
  remount_and_scan
  timed again run_in_chroot again || failed+=' again'
  timed umount "umount_$subject" || failed+=' umount'
  if [ "$(python3 "$here/tree_digest.py" seal "$work/lower")" != "$sealed" ]; then
    say 'lower      the lower tree is not what it was'
    failed+=' lower'
  fi
}

# The reference: what the plain directory looks like after these steps. Kept, so that it is made once.
reference_file() {
  local key
  key=$({ cat "$here"/*.{sh,py} "$here"/steps/* "$here"/npm/*.json; echo "$base_tar $selected $scale"; } | sha1sum | cut -c1-12)
  echo "$cache/plain-$key.digest"
}
ensure_reference() {
  [ -e "$reference" ] && return
  say '-- first the plain directory, whose result is kept'
  local flags=()
  [ "$quick" = 1 ] && flags+=(--quick)
  [ -n "$only" ] && flags+=(--only "$only")
  "$0" "${flags[@]}" plain || die 'the steps fail on the plain directory'
  say "-- $subject"
}

compare_with_plain() {
  python3 "$here/tree_digest.py" compare --ignore "$here/nondeterministic.txt" "$reference" "$work/scratch/after"
}

# A mount namespace of our own: one that somebody else makes meanwhile would hold a copy of our mount, and its file system
# and daemon would live on after umount.
if [ -z "${REAL_TREE_NAMESPACE-}" ] && [ "$(id -u)" = 0 ]; then
  REAL_TREE_NAMESPACE=1 exec unshare --mount "$0" "$@"
fi

quick=0 only='' keep=0 mount_options='' work='' subject='' fill=0
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1 ;;
    --only) only=${2?--only needs a value}; shift ;;
    -o) mount_options=${2?-o needs a value}; shift ;;
    --keep) keep=1 ;;
    --work) work=${2?--work needs a value}; shift ;;
    --list) awk 'NF { print $1 }' <<< "$steps"; exit 0 ;;
    --fill-cache) fill=1 ;;
    -h | --help) usage; exit 0 ;;
    -*) bad_usage "unknown option $1" ;;
    *) [ -z "$subject" ] || bad_usage "one subject at a time"; subject=$1 ;;
  esac
  shift
done
[ -n "$subject" ] || [ "$fill" = 1 ] || bad_usage 'which subject?'
[ "$(id -u)" = 0 ] || cannot 'it takes root'
for tool in mmdebstrap python3 setfattr setfacl setcap flock unshare; do
  command -v "$tool" > /dev/null || cannot "$tool is not installed"
done
cache=${TSAUFS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsaufs}
mkdir -p "$cache"
ensure_base
[ "$fill" = 0 ] || exit 0
reason=$(why_not "$subject")
[ -z "$reason" ] || cannot "$reason"

scale=1 step_seconds=600 step_packages=$packages
if [ "$quick" = 1 ]; then scale=5 step_packages=${packages/ postgresql/}; fi
select_steps
reference=$(reference_file)
[ "$subject" = plain ] || ensure_reference

begun=$SECONDS
work=${work:-$(mktemp -d "${TMPDIR:-/tmp}/real-tree.XXXXXX")}
running=''
exec 3>&1 # a trap may run while the output of a step goes to its log
trap finish EXIT
trap stop INT TERM
run_subject
if [ "$subject" = plain ] && [ -z "$failed" ] && [ ! -e "$reference" ]; then
  cp "$work/scratch/after" "$reference.$$" && mv "$reference.$$" "$reference"
fi
# After a failed step its missing results are among the differences.
if [ -e "$reference" ]; then TAIL=100 timed compare compare_with_plain || failed+=' compare'; fi
say "$(printf '%-10s %7d s  %s' total $((SECONDS - begun)) "${failed:+failed:$failed}")"
[ -z "$failed" ]
