#!/bin/sh
# Run the tests of cgroups on a machine that has a true cgroup v2: user-mode-linux, a kernel that is an ordinary process.
# Its root is the file system of this machine. Needs no privilege; packages: scripts/install-deps.sh uml
# usage: scripts/uml-cgroup2.sh [TEST...]     compiled test files; default dist/test/engine/cgroup.test.js
#        dist/test/engine/limits.test.js too: whole containers, some minutes
set -eu

repo="$(cd "$(dirname "$0")/.." && pwd)"
kernel="${UML_KERNEL:-linux.uml}"
command -v "$kernel" >/dev/null || { echo "uml-cgroup2: no $kernel; run scripts/install-deps.sh uml" >&2; exit 2; }
[ $# -gt 0 ] || set -- "$repo/dist/test/engine/cgroup.test.js"
for test in "$@"; do
  [ -e "$test" ] || { echo "uml-cgroup2: no $test; run npm run build" >&2; exit 2; }
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT INT TERM
init="$work/init"
{
  echo '#!/bin/sh'
  printf 'PATH=%s\nNODE=%s\nREPO=%s\nTESTS="%s"\n' "$PATH" "$(command -v node)" "$repo" "$*"
  cat <<'END'
export PATH HOME=/root TAP=1 TAP_TIMEOUT=300 TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
# For tests of whole containers, as far as there are such modules.
fuse="/usr/lib/uml/modules/$(uname -r)/kernel/fs/fuse/fuse.ko"
[ ! -e "$fuse" ] || busybox insmod "$fuse"
cd "$REPO"
echo "# $(uname -r), controllers: $(cat /sys/fs/cgroup/cgroup.controllers)"
failed=0
for test in $TESTS; do
  "$NODE" "$test" || failed=1
done
find /sys/fs/cgroup -mindepth 1 -type d | grep tsaufs && failed=1
echo "uml: failed=$failed"
echo o >/proc/sysrq-trigger
sleep 60
END
} >"$init"
chmod +x "$init"

# The console is our stdout; a kernel that dies says nothing of a result.
"$kernel" mem=1024M rootfstype=hostfs rootflags=/ rw "init=$init" con=null con0=fd:0,fd:1 quiet </dev/null >"$work/log" 2>&1 || true
tr -d '\r' <"$work/log"
tr -d '\r' <"$work/log" | grep -qx 'uml: failed=0'
