/**
 * An upper directory that fuse-overlayfs has written, with its devices and with its `.wh.` files, is a branch; and a branch in
 * aufs's form is an upper directory for fuse-overlayfs. Each goes on with what the other has left.
 */
import t from 'tap'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StepServer, type Step } from '../helpers/steps.js'
import { OLD, toEntries, type Tree } from '../helpers/tree.js'
import { compareViews, type View } from '../scenario/compare.js'
import { fuseOverlayfs } from '../scenario/subjects/fuse-overlayfs.js'
import { removeTree, unmountAt, type Subject } from '../scenario/subjects/subject.js'
import { tsaufsSubjects } from '../scenario/subjects/tsaufs.js'

const LOWER: Tree = {
  f: 'F', g: 'G', h: 'H', d: { x: 'X', y: { z: 'Z' } }, o: { low: 'L', again: 'A' }, e: { only: 'E' }, k: { one: '1', two: '2' }, m: { deep: { n: 'N' } },
}
/** Without renamed directories, which fuse-overlayfs does not have. */
const ROUNDS: readonly (readonly Step[])[] = [
  [['unlink', 'f'], ['rename', 'g', 'g2'], ['append', 'h', '!'], ['exec', 'rm', '-r', 'o'], ['mkdir', 'o'], ['write', 'o/new', 'N'], ['unlink', 'd/x'], ['exec', 'rm', '-r', 'e'], ['exec', 'rm', '-r', 'm/deep']],
  [['write', 'f', 'f again'], ['write', 'o/again', 'a'], ['mkdir', 'e'], ['write', 'e/more', 'M'], ['unlink', 'k/one'], ['rename', 'g2', 'g'], ['symlink', 'f', 'd/x'], ['mkdir', 'm/deep']],
  [['unlink', 'o/new'], ['unlink', 'f'], ['exec', 'rm', '-r', 'd'], ['mkdir', 'd'], ['write', 'k/one', '1 again'], ['unlink', 'e/more'], ['unlink', 'k/two'], ['write', 'm/deep/n', 'n']],
]
const PLAIN_ENV = 'FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT'
const skip = await fuseOverlayfs.unavailable() ?? (process.getuid!() === 0 ? false : 'needs root')

async function turns(t: Pick<Tap, 'same'>, order: readonly Subject[]): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'tsaufs-formats-'))
  const server = new StepServer()
  const mountpoint = join(work, 'm')
  const branches = [{ name: 'R', path: join(work, 'R'), perm: 'rw' }, { name: 'L', path: join(work, 'L'), perm: 'ro+wh' }]
  for (const dir of [mountpoint, join(work, 'scratch'), join(work, 'plain'), ...branches.map((b) => b.path)]) mkdirSync(dir)
  const tree = [['', { type: 'dir', mode: 0o755, mtime: OLD }], ...toEntries(LOWER, 'aufs')]
  await server.ask({ build: [[join(work, 'L'), tree], [join(work, 'plain'), tree]] })
  const view = async (at: string): Promise<View> => (await server.ask({ snapshot: at }))['entries'] as View
  const weak = { ...fuseOverlayfs.weak, ino: '', xattrs: 'it shows our origin attribute' }
  try {
    for (const [i, steps] of ROUNDS.entries()) {
      await server.run(join(work, 'plain'), steps)
      const truth = await view(join(work, 'plain'))
      // Who changes it sees it, and so does the other one.
      for (const [subject, changes] of [[order[i % order.length]!, true], [order[(i + 1) % order.length]!, false]] as const) {
        const mounted = await subject.mount({ branches, options: [], mountpoint, scratch: join(work, 'scratch') })
        if (changes) for (const [k, result] of (await server.run(mountpoint, steps)).entries()) t.same(result.e, undefined, `${subject.name}: ${JSON.stringify(steps[k])}`)
        t.same(compareViews(truth, await view(mountpoint), false, weak), [], `round ${i}, ${subject.name}`)
        t.same(await mounted.unmount(), [], 'unmounted')
      }
    }
  } finally {
    server.stop()
    await unmountAt(mountpoint)
    await removeTree(work)
  }
}

type Tap = typeof t

t.setTimeout(600_000)
for (const devices of [true, false]) {
  await t.test(`fuse-overlayfs with ${devices ? 'devices' : '.wh. files'}, then tsaufs`, { skip }, async (t) => {
    if (!devices) process.env[PLAIN_ENV] = '1'
    await turns(t, [fuseOverlayfs, tsaufsSubjects[0]!])
    delete process.env[PLAIN_ENV]
  })
}
await t.test('tsaufs, then fuse-overlayfs', { skip }, (t) => turns(t, [tsaufsSubjects[0]!, fuseOverlayfs]))
