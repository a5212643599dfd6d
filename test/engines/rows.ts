/**
 * What people do with containers, as shell scripts: each row is run with every way to mount, one after the other on one
 * store, and must print the same. Names of containers are not the begin of an id: `podman diff` takes an image's id first.
 */

/** One row. */
export interface Row {
  readonly name: string
  readonly script: string
  /** The only one that we are like, where the two others differ; see the note in the row. */
  readonly like?: 'fuse' | 'native'
}

/** Every object of a container's root by type, mode, owner, size, links (not of directories) and path. */
export const TREE = `find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf -o -path /run \\) -prune -o \\
  -exec sh -c 'for f; do if [ -d "$f" ] && [ ! -L "$f" ]; then stat -c "%a %u %g d - - %n" "$f"; else stat -c "%a %u %g %F %s %h %N" "$f"; fi; done' _ {} + | sort -k7`

/** Podman, as root and not. */
export const PODMAN_ROWS: readonly Row[] = [
  { name: 'import', script: 'podman import -q $bed/rootfs.tar base >/dev/null; podman images --format "{{.Repository}}" 2>/dev/null' },
  {
    name: 'run: write, rename, link, own, delete, make again',
    script: `podman run --name first base sh -c '
      echo new >/etc/new; echo more >>/etc/passwd; mv /opt/app /opt/moved && ls /opt/moved; ln /usr/lib/lib1.so /usr/lib/one; echo x >>/usr/lib/one
      cat /usr/lib/lib1.so; chown 5:6 /usr/lib/lib2.so; chmod 700 /usr/lib/lib3.so
      rm /etc/motd; rm -r /usr/doc/a; mkdir /usr/doc/a; echo in >/usr/doc/a/again; rm -r /usr/doc/c; echo file >/usr/doc/c
      mkfifo /pipe; ln -s /nowhere /link; mkdir -p /deep/er; mv /deep/er /deep/est; truncate -s 1000000 /hole; stat -f -c %T /; ls -ld /tmp
      cat /etc/motd; true'; echo $?`,
    // The kind of file system is another one.
    like: 'fuse',
  },
  // Kernel overlayfs has its upper directory read as it is, and calls a directory that was made again deleted.
  { name: 'diff', script: 'podman diff first | sort', like: 'fuse' },
  { name: 'start again', script: `podman start -a first; echo $?; podman rm first >/dev/null; podman run --name first base sh -c 'echo 1 >/a; rm /etc/motd; mv /opt/app /opt/moved; rm -r /usr/doc/a; mkdir /usr/doc/a'`, like: 'fuse' },
  { name: 'commit', script: `podman commit -q first image >/dev/null; echo $?; podman run --rm image sh -c '${TREE.replaceAll("'", "'\\''")}'` },
  { name: 'attributes', script: `podman image mount image >m; getfattr -d --absolute-names -m - $(cat m)/opt/moved/x | tail -n +2; podman image umount image >/dev/null` },
  { name: 'a second commit on the first', script: `podman run --name second image sh -c 'cat /a; rm /a; touch /etc/motd'; podman commit -q second image2 >/dev/null; podman run --rm image2 ls -A / /usr/doc /etc/motd` },
  { name: 'a running container', script: `podman run -d --name r base sh -c 'echo 1 >/one; while [ ! -e /end ]; do sleep 0.1; done' >/dev/null; podman exec r sh -c 'echo 2 >/two; rm /etc/motd'; podman diff r | sort; podman exec r sh -c 'echo 3 >/root/three'; podman diff r | sort; podman commit -q r running >/dev/null; podman exec r touch /end; podman wait r; podman run --rm running ls / /root` },
  {
    name: 'build',
    script: `mkdir -p ctx; echo file >ctx/f; cat >ctx/Containerfile <<'END'
FROM base
RUN echo a >/a && mkdir /q && echo b >/q/b && ln /a /a2
RUN rm /q/b && mv /a /c && ln -s /c /l && rm -r /usr/doc && mkdir /usr/doc
RUN mv /opt/app /opt/app2 && chown -R 7:8 /opt/app2
COPY f /q/f
END
podman build -q --isolation chroot -t built ctx >/dev/null; echo $?; podman run --rm built sh -c 'cat /c /a2 /q/f; ls -A / /q /usr/doc; ls -ln /opt/app2'; podman history -q built | wc -l`,
  },
  // fuse-overlayfs keeps the names together while mounted, and shows no change in `podman diff`.
  { name: 'one of two names of a file', script: `podman run --name two base sh -c 'echo y >>/usr/lib/lib0.so; cat /usr/lib/libzero.so /usr/lib/lib0.so'; podman diff two | grep so`, like: 'native' },
  // Kernel overlayfs gets copies of the layers with other owners.
  { name: 'ids mapped', script: `podman run --rm --uidmap 0:1:1000 --gidmap 0:1:1000 base sh -c 'id -u; stat -c "%u %g %n" / /bin /opt/app/x; touch /new; stat -c "%u %g" /new; echo x >>/etc/motd; chown 3:4 /etc/motd; stat -c "%u %g" /etc/motd'`, like: 'fuse' },
  { name: 'an overlay volume', script: `mkdir -p vol/sub; echo v >vol/f; podman run --rm -v $PWD/vol:/x:O base sh -c 'echo z >>/x/f; cat /x/f; rm -r /x/sub; ls -A /x'; cat vol/f; ls vol` },
  { name: 'side by side', script: `for i in 1 2 3 4; do podman run --name p$i base sh -c "echo $i >/n; cat /n" >out$i & done; wait; cat out1 out2 out3 out4; podman rm -f p1 p2 p3 p4 >/dev/null` },
  { name: 'files in and out', script: `podman create --name cp base true >/dev/null; echo in >file; podman cp file cp:/root/file; podman cp cp:/root/file back; cat back; podman export cp | tar -tf - | grep -c usr/lib/` },
  { name: 'removed', script: 'podman rm -f -t 0 -a >/dev/null; podman rmi -f -a >/dev/null; echo $?; podman ps -aq; podman images -q' },
]

/** For an ordinary user: `podman image mount` is for root. */
export const USER_ROWS: readonly Row[] = PODMAN_ROWS.filter(({ name }) => name !== 'attributes')

/** Only where a user has a name of his own inside. */
export const ROOTLESS_ROWS: readonly Row[] = [
  { name: 'keep-id', script: `podman run --rm --userns=keep-id base sh -c 'stat -c "%u %g %n" / /etc; touch /tmp/mine && echo $(($(stat -c %u /tmp/mine) == $(id -u)))'` },
]
