/**
 * What a random walk does: trees to begin with, and steps. Steps are drawn from a small space of names without looking
 * at the tree, so that many of them meet, and many fail; the errno is as much a result as a value.
 */
import type { Step } from '../helpers/steps.js'
import { identity } from '../helpers/identity.js'
import { dir, fifo, file, hardlink, opaque, symlink, whiteout, type Entry, type Tree } from '../helpers/tree.js'
import type { Random } from './random.js'

const NAMES = ['a', 'b', 'c', 'd', 'e']
const FDS = ['f0', 'f1', 'f2']
const KEYS = ['user.k0', 'user.k1', 'trusted.k2']
/**
 * For files and directories. An ordinary user's are never closed to himself: his daemon could then not look at its own
 * marks in them.
 */
const MODES = identity === 'user' ? [0o755, 0o700, 0o4755, 0o2775, 0o1777] : [0o644, 0o600, 0o755, 0o700, 0o4755, 0o2775, 0o1777, 0o000]
const FILE_MODES = identity === 'user' ? [...MODES, 0o644, 0o600, 0o444] : MODES

/** Branch trees, top first. The lowest has hard links; they lie where no other branch hides some of their names. */
export function randomBranches(r: Random): Tree[] {
  const bottom: Record<string, Entry> = { ...randomTree(r, 3, false) }
  bottom['links'] = { h0: file('linked', { xattrs: { 'user.k0': 'v' } }), h1: hardlink('links/h0'), h2: hardlink('links/h0'), p0: 'two', p1: hardlink('links/p0') }
  return [r.chance(50) ? {} : randomTree(r, 2, true), randomTree(r, 3, true), bottom]
}

function randomTree(r: Random, depth: number, marks: boolean): Tree {
  const out: Record<string, Entry> = {}
  for (const name of NAMES) if (r.chance(60)) out[name] = randomEntry(r, depth, marks)
  return out
}

function randomEntry(r: Random, depth: number, marks: boolean): Entry {
  const kind = r.below(100)
  const owner = r.chance(30) && identity !== 'user' ? { uid: 1000, gid: 1000 } : {}
  if (kind < 45 && depth > 0) {
    const children = randomTree(r, depth - 1, marks)
    return marks && r.chance(15) ? opaque(children) : dir(children, owner)
  }
  if (kind < 80) {
    const xattrs = r.chance(20) ? { xattrs: { [r.pick(identity === 'root' ? KEYS : KEYS.slice(0, 2))]: 'value' } } : {}
    return file(`content ${r.below(1000)}`, { mode: r.pick(FILE_MODES), ...owner, ...xattrs })
  }
  if (kind < 88) return symlink(r.pick(TARGETS))
  if (kind < 92) return fifo()
  return marks ? whiteout : file('', owner)
}

const TARGETS = ['a', 'b/c', '../a', 'nowhere', '.', 'd']

function path(r: Random): string {
  if (r.chance(8)) return r.pick(['links/h0', 'links/h1', 'links/h2', 'links/p0', 'links/p1', 'links'])
  const parts = [r.pick(NAMES)]
  while (parts.length < 4 && r.chance(50)) parts.push(r.pick(NAMES))
  return parts.join('/')
}

const text = (r: Random): string => r.pick(['x', 'some text', 'y'.repeat(5000), `n${r.below(1000)}`, ''])

/** How often each kind of step is drawn, and how it is made. */
const KINDS: readonly (readonly [weight: number, make: (r: Random) => Step])[] = [
  [8, (r) => ['write', path(r), text(r)]],
  [6, (r) => ['append', path(r), text(r)]],
  [4, (r) => ['pwrite', path(r), r.below(10000), text(r)]],
  [3, (r) => ['truncate', path(r), r.below(6000)]],
  [4, (r) => ['create', path(r), r.pick(FILE_MODES)]],
  [6, (r) => ['read', path(r)]],
  [12, (r) => ['rename', path(r), path(r)]],
  [6, (r) => ['rename2', path(r), path(r), r.pick(['NOREPLACE', 'EXCHANGE'])]],
  [8, (r) => ['unlink', path(r)]],
  [5, (r) => ['rmdir', path(r)]],
  [8, (r) => ['mkdir', path(r), r.pick(MODES)]],
  [7, (r) => ['link', path(r), path(r)]],
  [3, (r) => ['symlink', r.pick(TARGETS), path(r)]],
  [2, (r) => ['readlink', path(r)]],
  [2, (r) => ['mknod', path(r), r.pick(['fifo', 'socket', 'char:1:3', 'file'])]],
  [4, (r) => ['chmod', path(r), r.pick(MODES)]],
  [3, (r) => ['chown', path(r), r.pick([0, 1000]), r.pick([0, 1000])]],
  [3, (r) => ['utimes', path(r), 1_100_000_000, 1_200_000_000 + r.below(9)]],
  [3, (r) => ['setxattr', path(r), r.pick(KEYS), text(r).slice(0, 200), r.below(3)]],
  [2, (r) => ['getxattr', path(r), r.pick(KEYS)]],
  [2, (r) => ['removexattr', path(r), r.pick(KEYS)]],
  [2, (r) => ['listxattr', path(r)]],
  [8, (r) => ['stat', path(r)]],
  [6, (r) => ['readdir', path(r)]],
  [4, (r) => ['open', r.pick(FDS), path(r), r.pick(['RDONLY|NONBLOCK', 'RDWR|NONBLOCK', 'RDWR|CREAT|NONBLOCK', 'WRONLY|TRUNC|NONBLOCK', 'RDWR|APPEND|NONBLOCK'])]],
  [1, (r) => ['open', r.pick(FDS), r.chance(50) ? '.' : path(r), 'RDWR|TMPFILE']],
  [3, (r) => ['fpwrite', r.pick(FDS), r.below(100), text(r)]],
  [2, (r) => ['fwrite', r.pick(FDS), text(r)]],
  [3, (r) => ['fread', r.pick(FDS), 0, 8000]],
  [3, (r) => ['fstat', r.pick(FDS)]],
  [1, (r) => ['fchmod', r.pick(FDS), r.pick(MODES)]],
  [1, (r) => ['ftruncate', r.pick(FDS), r.below(3000)]],
  [1, (r) => ['linkfd', r.pick(FDS), path(r)]],
  [1, (r) => ['fallocate', r.pick(FDS), r.pick(['', 'KEEP_SIZE', 'KEEP_SIZE|PUNCH_HOLE', 'ZERO']), 0, 4096]],
  [1, (r) => ['copyrange', r.pick(FDS), r.pick(FDS), r.below(5000), 0, 0]],
  [2, (r) => ['close', r.pick(FDS)]],
]

const TOTAL = KINDS.reduce((sum, [weight]) => sum + weight, 0)

/** One random step; of root's one in eight is made as an ordinary user. */
export function randomStep(r: Random): Step {
  let at = r.below(TOTAL)
  const kind = KINDS.find(([weight]) => (at -= weight) < 0)!
  const step = kind[1](r)
  return identity !== 'user' && r.chance(12) ? ['as', { uid: 1000, gid: 1000, groups: r.chance(50) ? [0] : [] }, [step]] : step
}
