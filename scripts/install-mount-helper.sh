#!/bin/sh
# Let mount(8) find us: /sbin/mount.tsaufs runs bin/mount.tsaufs with the node of today, whatever PATH is at mount time
# (systemd and mount(8) have a short one, and node may live in a home directory). A live mount has the type fuse.tsaufs;
# for `mount -o remount` mount(8) takes the helper of that type: /sbin/mount.fuse.tsaufs is the same program.
# usage: scripts/install-mount-helper.sh [--uninstall]     DESTDIR is honoured
set -eu

target="${DESTDIR:-}/sbin/mount.tsaufs"
remount="${DESTDIR:-}/sbin/mount.fuse.tsaufs"
if [ "${1:-}" = --uninstall ]; then
  rm -f "$target" "$remount"
  exit 0
fi

quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

script="$(cd "$(dirname "$0")/.." && pwd -P)/bin/mount.tsaufs"
node="$(command -v node)" || { echo 'install-mount-helper: node is not in PATH' >&2; exit 1; }

mkdir -p "$(dirname "$target")"
cat > "$target.new" <<WRAPPER
#!/bin/sh
TSAUFS_NODE=$(quote "$node")
if [ -x "\$TSAUFS_NODE" ]; then export TSAUFS_NODE; else unset TSAUFS_NODE; fi
exec $(quote "$script") "\$@"
WRAPPER
chmod 755 "$target.new"
mv "$target.new" "$target"
ln -sf mount.tsaufs "$remount"
