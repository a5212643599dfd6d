/**
 * Grafts: further stacks of read-only branches in a union, each the directory of a name that nobody can list or guess, to be
 * bound somewhere else. What is below it is compared with the union by directory entries: an entry has the union's inode number
 * where the union shows the very same, with everything below it, and another one where the writable branch has touched it.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, Errno, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import type { BranchSpec } from '../config/config.js'
import { Branch } from './branch.js'
import { DirNode } from './node.js'
import { graftName } from './whiteout/aufs.js'
import type { Union } from './union.js'

const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!
/** Makes another number of any that is less; those above are rare, and made less. */
const TOUCHED = 2 ** 52

/**
 * Graft a stack. It stays to the union's end.
 * @param secret what nobody guesses
 * @param specs read-only, top first
 * @returns its name in the root
 * @throws Errno when a branch cannot be opened; nothing has changed then
 */
export function graft(union: Union, secret: string, specs: readonly BranchSpec[]): Bytes {
  const added: Branch[] = []
  try {
    for (const spec of specs) added.push(new Branch(spec, union.branches.length + added.length, { readOnly: true, layers: true }))
  } catch (error) {
    for (const branch of added) branch.close()
    throw error
  }
  const lowest = added[added.length - 1]!
  must(sys.statx(lowest.fd, ''), 'statx', lowest.spec.path)
  const name = graftName(secret)
  const ino = union.inos.of(lowest.fsid, st.inoLow, st.inoHigh)
  const node = new DirNode(ino, union.tree.root, name, added.map(({ index }) => index))
  node.paths = new Map(added.map(({ index }) => [index, '.']))
  // Whether the kernel remembers it or not.
  node.lookups = 1
  union.graftsFrom = Math.min(union.graftsFrom, added[0]!.index)
  for (const branch of added) branch.grafted = true
  union.branches = [...union.branches, ...added]
  union.tree.add(node)
  return name
}

/** Is the directory, or what lies in it, part of a graft? */
export function isGrafted(union: Union, dir: DirNode): boolean {
  return dir.top >= union.graftsFrom
}

/** Path from the graft's root, '.' for that itself. */
function pathIn(union: Union, dir: DirNode): Bytes {
  const names: Bytes[] = []
  for (let at = dir; at.parent !== null && at.parent !== union.tree.root; at = at.parent) names.unshift(at.name)
  return names.length === 0 ? '.' : names.join('/')
}

/**
 * What the writable branch has at the place of a directory of a graft.
 * @returns null if nothing; else whether it has something for a name there, valid during the request
 * @throws Errno when that cannot be said
 */
export function touches(union: Union, dir: DirNode): { readonly has: (name: Bytes) => boolean, readonly close: () => void } | null {
  const upper = union.branches.find(branch => branch.index < union.graftsFrom && branch.spec.perm === 'rw')
  if (upper === undefined) return null
  const path = pathIn(union, dir)
  const fd = sys.openBeneath(upper.fd, path, O_PATH_DIR)
  if (fd === -E.ENOENT || fd === -E.ENOTDIR || fd === -E.ELOOP) return null
  if (fd < 0) throw new Errno(-fd, 'openat2', path)
  return { has: name => sys.statx(fd, name) === 0 || upper.isWhitedOut(fd, name), close: () => { sys.close(fd) } }
}

/** The inode number, in a directory entry, of something the writable branch has touched. */
export function touchedIno(ino: number): number {
  return ino < TOUCHED ? ino + TOUCHED : ino - TOUCHED
}
