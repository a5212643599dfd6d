#!/bin/bash
# Containers started and ended, many at a time; afterwards nothing of them may be left.
# usage: scripts/soak-containers.sh [COUNT [AT-A-TIME [NETWORK]]]      as root; default 200 10 none
set -u
count=${1:-200}
parallel=${2:-10}
network=${3:-none}
tsaufs=$(cd "$(dirname "$0")/.." && pwd)/bin/tsaufs.js
work=$(mktemp -d)
export TSAUFS_SPARE=0 TSAUFS_ROOT=$work/root TSAUFS_RUN_DIR=$work/run tsaufs work network
busybox=$(command -v busybox) || { echo "soak: busybox is not installed"; exit 1; }
mkdir -p "$work/R/bin" "$work/R/tmp"
cp "$busybox" "$work/R/bin/busybox"
chroot "$work/R" /bin/busybox --install -s /bin

veths() { ip -o link show type veth 2>/dev/null | wc -l; }
before=$(veths)

# One of four ways to live and end, by number.
one() {
  local name=soak$1 got
  local run=(node "$tsaufs" run --network "$network" --rootfs "$work/R")
  case $(($1 % 4)) in
    0) got=$("${run[@]}" --rm sh -c "echo $1; echo x > /tmp/f"); [ "$got" = "$1" ] ;;
    1) "${run[@]}" -d --rm --name "$name" sh -c 'exit 3' > "$work/id$1" && rm "$work/id$1" ;;
    2) "${run[@]}" -d --name "$name" sleep 1000 > /dev/null && node "$tsaufs" exec "$name" true &&
       node "$tsaufs" stop -t 0 "$name" > /dev/null && node "$tsaufs" rm "$name" > /dev/null ;;
    3) "${run[@]}" -d --name "$name" sleep 1000 > /dev/null && node "$tsaufs" rm -f "$name" > /dev/null ;;
  esac || { echo "soak: container $1 failed"; return 1; }
}
export -f one

started=$SECONDS
seq "$count" | xargs -P "$parallel" -I N bash -c 'one N'
failed=$?

# What detached ones leave is taken away by their monitors, a moment after their end.
for _ in $(seq 300); do
  left=$(node "$tsaufs" ps -aq | wc -l)
  [ "$left" = 0 ] && break
  sleep 0.1
done
remains() {
  node "$tsaufs" ps -a --format 'container {{.Names}} {{.Status}}'
  node "$tsaufs" system check
  grep -F "$work" /proc/self/mountinfo
  ls -A "$TSAUFS_ROOT/containers" "$TSAUFS_ROOT/names" "$TSAUFS_RUN_DIR" | grep -Ev '^(/.*:)?$'
  for process in /proc/[0-9]*; do
    [ "${process#/proc/}" != $$ ] && grep -qsF "TSAUFS_ROOT=$TSAUFS_ROOT" "$process/environ" && [ "$(readlink "$process/exe")" != "$(readlink /proc/$$/exe)" ] &&
      echo "process ${process#/proc/} $(tr '\0' ' ' < "$process/cmdline")"
  done
  [ "$(veths)" -le "$before" ] || echo "veths: $(veths), $before before"
}
for _ in $(seq 100); do
  what=$(remains 2> /dev/null)
  [ -z "$what" ] && break
  sleep 0.1
done
echo "$count containers, $parallel at a time, $((SECONDS - started)) s: $([ "$failed" = 0 ] && echo all as they should || echo SOME FAILED), $([ -z "$what" ] && echo nothing left || echo "LEFT: $what")"
if [ "$failed" = 0 ] && [ -z "$what" ]; then rm -rf "$work"; exit 0; fi
exit 1
