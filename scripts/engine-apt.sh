#!/bin/bash
# Real work in containers: apt-get installs git and a C compiler in a Debian, both are used, git is purged again, the container is
# committed. With podman on kernel overlayfs, fuse-overlayfs and tsaufs-overlay; the three images must be the same, object by
# object, and `podman diff` the same with both programs. Needs root, a Debian mirror, mmdebstrap and: scripts/install-deps.sh engines
# usage: scripts/engine-apt.sh [ROOTFS.tar]           exit code 1 if they differ
set -eu
repo=$(cd "$(dirname "$0")/.." && pwd)
. "$repo/scripts/podman-kinds.sh"
import_debian "${1:-}"

mkdir "$work/x"
cat >"$work/x/work" <<'END'
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends git gcc libc6-dev >/dev/null 2>&1
git init -q /root/r && cd /root/r
echo 'int main() { return 0; }' >a.c
git add a.c
git -c user.name=a -c user.email=a@b commit -qm one
gcc -o /root/a a.c
/root/a
apt-get -qq purge -y git >/dev/null
apt-get -qq autoremove -y >/dev/null
rm -rf /root/r /var/lib/apt/lists/*
dpkg --audit
END
# Logs and a cache have times in them.
cat >"$work/x/list" <<'END'
cd /
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./etc/hosts -o -path ./etc/hostname \
  -o -path ./etc/resolv.conf -o -path ./var/log -o -path ./var/cache/ldconfig \) -prune -o \
  -type d -printf '%p d %m %U %G\n' -o -type l -printf '%p l %l\n' -o -printf '%p %y %m %U %G %n %s\n' | sort
END

for kind in $kinds; do
  start=$(date +%s)
  podman_on "$kind" run --network host -v "$work/x:/x:ro" -v /etc/resolv.conf:/etc/resolv.conf:ro --name worked debian sh /x/work
  podman_on "$kind" commit -q worked image >/dev/null
  echo "$kind: $(($(date +%s) - start)) s"
  podman_on "$kind" run --rm -v "$work/x:/x:ro" image sh /x/list >"$work/list-$kind"
  podman_on "$kind" diff worked | sort >"$work/diff-$kind"
done

same=0
for kind in fuse-overlayfs tsaufs; do diff "$work/list-overlayfs" "$work/list-$kind" || same=1; done
diff "$work/diff-fuse-overlayfs" "$work/diff-tsaufs" || same=1
echo "$(wc -l <"$work/list-tsaufs") objects, $(wc -l <"$work/diff-tsaufs") lines of podman diff: $([ $same -eq 0 ] && echo the same || echo DIFFERENT)"
exit $same
