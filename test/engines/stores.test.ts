/**
 * Stores and layers go from one program to another: a container begun with one is gone on with by the other, what is pushed is
 * pulled again, buildah and dockerd come to the same results.
 */
import t from 'tap'
import { createServer } from 'node:net'
import { until } from '../cli/sandbox.js'
import { Bed, NEEDS_ENGINES, type Kind } from './bed.js'
import { TREE } from './rows.js'

const tree = TREE.replaceAll("'", "'\\''")
const skip = NEEDS_ENGINES

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => { server.close(resolve) })
  return port
}

async function ends(t: ConstructorParameters<typeof Bed>[0], bed: Bed): Promise<void> {
  await bed.stop()
  t.ok(await until(() => bed.remains().length === 0), `nothing is left: ${bed.remains().join('; ')}`)
}

/** Three times something is done to a container, and an image made of it: every step with the program whose turn it is. */
const STEPS: readonly string[] = [
  `podman import -q $bed/rootfs.tar base >/dev/null
   podman create --name first base sh -c 'n=$(ls -A /steps 2>/dev/null | wc -l); mkdir -p /steps; touch /steps/$n
     case $n in
     0) echo new >/etc/new; rm /etc/motd; rm -r /usr/doc/a; mkdir /usr/doc/a; echo 1 >/usr/doc/a/x; rm -r /opt/app; echo more >>/etc/passwd ;;
     1) rm /etc/new; echo back >/etc/motd; rm -r /usr/doc/c; mkdir -p /opt/app/z; chmod 700 /usr/doc/a; ls -A /usr/doc/a /opt ;;
     2) rm /etc/motd; rm -r /opt/app; mkdir /usr/doc/c; echo again >/etc/new; ls -A /etc ;;
     esac; cat /etc/passwd' >/dev/null`,
  'podman start -a first; echo $?; podman diff first | sort; podman commit -q first im1 >/dev/null',
  'podman start -a first; echo $?; podman diff first | sort; podman commit -q first im2 >/dev/null',
  'podman start -a first; echo $?; podman diff first | sort; podman commit -q first im3 >/dev/null',
  ...['im1', 'im2', 'im3'].map((image) => `podman run --rm ${image} sh -c '${tree}'; podman run --name $kind-${image} ${image} true; podman diff $kind-${image} | sort`),
]

for (const user of [false, true]) {
  t.test(`a store goes from one program to the other and back, ${user ? 'rootless' : 'root'}`, { skip }, async (t) => {
    const bed = user ? new Bed(t).asUser(t) : new Bed(t)
    const alone = STEPS.map((script) => bed.sh('fuse', script))
    const inTurn = STEPS.map((script, i) => bed.sh('tsaufs', script, i % 2 === 0 ? 'fuse' : 'tsaufs'))
    for (const [i, printed] of inTurn.entries()) t.equal(printed.replaceAll('tsaufs-', ''), alone[i]!.replaceAll('fuse-', ''), `step ${i}`)
    t.notMatch(bed.sh('tsaufs', 'find store-tsaufs/overlay/*/diff -name ".wh..wh.*" ! -name .wh..wh..opq'), /wh/, 'nothing of ours lies about')
    await ends(t, bed)
  })
}

for (const user of [false, true]) {
  t.test(`buildah, and what is pushed is pulled again, ${user ? 'rootless' : 'root'}`, { skip }, async (t) => {
    const bed = user ? new Bed(t).asUser(t) : new Bed(t)
    const registry = await bed.registry(await freePort())
    const script = (kind: Kind): string => `podman import -q $bed/rootfs.tar base >/dev/null
      w=$(buildah from base); run() { buildah run --isolation chroot $w -- "$@"; }
      run sh -c 'echo 1 >/one; mv /opt/app /opt/b; rm /etc/motd'; echo f >f; buildah copy $w f /copied >/dev/null; run ls -A / /opt
      buildah commit -q $w made >/dev/null; echo $?; buildah rm $w >/dev/null
      w=$(buildah from made); run sh -c 'rm /one; rm -r /usr/doc; ln /copied /linked; chown 3:4 /copied'; buildah commit -q $w made2 >/dev/null; echo $?
      podman push -q --tls-verify=false made2 ${registry}/${kind}/made2; echo $?
      podman rmi -f -a >/dev/null 2>&1; buildah rm -a >/dev/null; podman rmi -f -a >/dev/null; podman images -q
      podman run --rm --tls-verify=false -q ${registry}/${kind}/made2 sh -c '${tree}'`
    t.equal(bed.sh('tsaufs', script('tsaufs')), bed.sh('fuse', script('fuse')))
    /** Names, modes, owners and sizes in the topmost layer that was pushed. */
    const layer = (kind: Kind): string => bed.sh(kind, `skopeo copy -q --src-tls-verify=false docker://${registry}/${kind}/made2 dir:pulled-${kind}
      cd pulled-${kind}; l=$(grep -o '"digest":"sha256:[0-9a-f]*"' manifest.json | tail -1 | sed 's/.*sha256://; s/"//'); tar -tvzf $l --numeric-owner | sed -E 's/ +[0-9-]{10} [0-9:]{5}//' | sort`)
    t.equal(layer('tsaufs'), layer('fuse'), 'the same layer')
    t.match(layer('tsaufs'), /\.wh\.one/)
    await ends(t, bed)
  })
}

t.test("dockerd's fuse-overlayfs driver", { skip }, async (t) => {
  const bed = new Bed(t)
  const outputs: string[] = []
  for (const kind of ['fuse', 'tsaufs'] as const) {
    const docker = await bed.docker(kind)
    outputs.push(bed.sh(kind, `docker() { command ${docker} "$@"; }
      docker import $bed/rootfs.tar base >/dev/null
      docker run --network none --name first base sh -c 'echo 1 >/one; mv /opt/app /opt/b; rm /etc/motd; rm -r /usr/doc/a; mkdir /usr/doc/a; echo more >>/etc/passwd; ls -A /opt'; echo $?
      docker diff first | sort; docker commit first image >/dev/null; docker run --network none --rm image sh -c '${tree}'
      mkdir -p ctx; echo file >ctx/f; printf 'FROM base\\nRUN echo a >/a && ln /a /b && rm -r /usr/doc\\nRUN mv /a /c && mkdir /usr/doc\\nCOPY f /q/f\\n' >ctx/Dockerfile
      DOCKER_BUILDKIT=0 docker build --network none -q -t built ctx >/dev/null; echo $?; docker run --network none --rm built sh -c 'cat /b /c /q/f; ls -A /usr/doc'
      docker start -a first; docker rm first; docker rmi image built base >/dev/null; echo $?`))
    await bed.stop()
  }
  t.equal(outputs[1], outputs[0])
  await ends(t, bed)
})

t.test('the program can be asked for its version', { skip }, async (t) => {
  const bed = new Bed(t)
  t.match(bed.sh('tsaufs', "podman info 2>/dev/null | grep -A6 mount_program"), /fuse-overlayfs: version/)
  await ends(t, bed)
})
