/**
 * What a union's writable branches change: A, C and D as `docker diff` has them. Read from the writable branches; of the
 * others it is looked up what is there by the same name, and they are listed only where something took a whole
 * directory's place (an opaque mark, a rename).
 *
 * Two unions are compared, entry by entry: the one of all branches, and the one without the writable branches. Where a
 * directory has the same read-only parts in both, only names on writable branches can differ.
 *
 * As Docker's aufs driver decides (Changes()): a directory in both is C when its size, mode or mtime differ, or something
 * appeared or went in it; of a directory that appeared or went because of its kind, what it held before is not told. We
 * count a new owner as a change too. Source: union-semantics sections 13, 14.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, Errno, must } from '../os/errno.js'
import { takeMeta, type Meta } from '../os/stat.js'
import type { MountConfig } from '../config/config.js'
import { listing } from './listings.js'
import { lookup } from './lookup.js'
import { DirNode, type Node } from './node.js'
import { branchPath, dirfd, entryPath, place } from './place.js'
import { Union } from './union.js'
import { useUserXattrs } from './xattr-keys.js'

/** One path that differs. */
export interface Change {
  /** Added, changed, deleted. */
  readonly change: 'A' | 'C' | 'D'
  /** From the union's root, with a leading slash. */
  readonly path: Bytes
}

/** With and without the writable branches. */
interface Pair {
  readonly now: Union
  /** null if all branches are writable. */
  readonly before: Union | null
}

/** A union of `branches` to be read only: it takes no lock and repairs nothing. @throws Errno */
function openToRead(config: MountConfig, branches: MountConfig['branches']): Union {
  return Union.open({ ...config, branches, readOnly: true, io: 'cached', udba: 'none' }, () => undefined)
}

/**
 * The changes, by path.
 * @param config the branches; nothing is mounted, and they may be in use
 * @param privileged whether a daemon with the rights of this process writes `trusted.` attributes
 * @throws Errno of a branch that cannot be read
 */
export function diff(config: MountConfig, privileged: boolean): Change[] {
  if (!privileged) useUserXattrs()
  const changes: Change[] = []
  const now = openToRead(config, config.branches)
  let before: Union | null = null
  try {
    const lower = config.branches.filter(branch => branch.perm !== 'rw')
    if (lower.length > 0) before = openToRead(config, lower)
    compareDirs({ now, before }, now.tree.root, before?.tree.root ?? null, '', changes)
  } finally {
    before?.close()
    now.close()
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Which read-only places a directory has, as one string. */
function readOnlyParts(union: Union, dir: DirNode): string {
  const parts = dir.branches.filter(b => union.branches[b]!.spec.perm !== 'rw')
  return parts.map(b => `${union.branches[b]!.spec.path}\0${branchPath(union, dir, b)}`).join('\0\0')
}

/** Names that a directory's writable parts have or hide. */
function touched(union: Union, dir: DirNode): Set<Bytes> {
  const names = new Set<Bytes>()
  for (const b of dir.branches) {
    const { spec, format } = union.branches[b]!
    if (spec.perm !== 'rw') continue
    const raw = sys.readdir(dirfd(union, dir, b))
    if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', dir.name)
    for (const name of raw.names) {
      const what = format.classify(name)
      if (what !== 'reserved') names.add(what === 'whiteout' ? format.hidden(name) : name)
    }
  }
  return names
}

/** All names of a merged directory. */
function namesIn(union: Union, dir: DirNode): Bytes[] {
  const list = listing(union, dir, true)
  const names: Bytes[] = []
  for (let place = list.placeAfter(0); ; place++) {
    const entry = list.entryAt(place)
    if (entry === undefined) return names
    if (entry !== null) names.push(entry.name)
  }
}

/** Names of a directory that may differ. */
function candidates({ now, before }: Pair, dir: DirNode, was: DirNode | null): Iterable<Bytes> {
  if (was === null) return namesIn(now, dir)
  if (readOnlyParts(now, dir) === readOnlyParts(before!, was)) return touched(now, dir)
  return new Set([...namesIn(now, dir), ...namesIn(before!, was)])
}

/** The node of a name, which stays until it is forgotten. */
function take(union: Union, dir: DirNode, name: Bytes): Node | null {
  const node = lookup(union, dir, name)
  if (node !== null) node.lookups++
  return node
}

/** PATH_MAX: what is deeper has no name that anybody could use. */
const PATH_MAX = 4096

/** @returns whether an entry of the directory appeared or went. @throws Errno ENAMETOOLONG of a directory deeper than paths are long */
function compareDirs(pair: Pair, dir: DirNode, was: DirNode | null, path: Bytes, changes: Change[]): boolean {
  if (path.length >= PATH_MAX) throw new Errno(E.ENAMETOOLONG, 'open', `${path.slice(0, 64)}...`)
  let moves = false
  for (const name of candidates(pair, dir, was)) {
    const entry = take(pair.now, dir, name)
    const old = was === null ? null : take(pair.before!, was, name)
    if (compareEntries(pair, entry, old, `${path}/${name}`, changes)) moves = true
    if (entry !== null) pair.now.tree.forget(entry.id, 1)
    if (old !== null) pair.before!.tree.forget(old.id, 1)
  }
  for (const union of [pair.now, pair.before]) union?.afterRequest()
  return moves
}

/** @returns whether it appeared or went */
function compareEntries(pair: Pair, entry: Node | null, old: Node | null, path: Bytes, changes: Change[]): boolean {
  if (entry === null) {
    if (old !== null) changes.push({ change: 'D', path })
    return old !== null
  }
  const dir = entry instanceof DirNode ? entry : null
  const was = old instanceof DirNode ? old : null
  const moves = dir !== null && compareDirs(pair, dir, was, path, changes)
  if (old === null) changes.push({ change: 'A', path })
  else if (moves || (dir !== null && was !== null ? !isSameDir(pair, dir, was) : !isSamePlace(pair, entry, old))) {
    changes.push({ change: 'C', path })
  }
  return old === null
}

/** Is it the very same object? One on a writable branch never is. */
function isSamePlace({ now, before }: Pair, entry: Node, old: Node): boolean {
  const where = (union: Union, node: Node): string =>
    `${union.branches[node.top]!.spec.path}\0${entryPath(union, node.parent!, node.name, node.top)}`
  return now.branches[entry.top]!.spec.perm !== 'rw' && where(now, entry) === where(before!, old)
}

function metaOf(union: Union, node: Node): Meta {
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', node.name)
  return takeMeta()
}

/** A file system without fractions of a second, and a tar, cut them off. */
function isSameTime(a: Meta, b: Meta): boolean {
  return a.mtime === b.mtime && (a.mtimeNsec === b.mtimeNsec || a.mtimeNsec === 0 || b.mtimeNsec === 0)
}

function isSameDir({ now, before }: Pair, dir: DirNode, was: DirNode): boolean {
  const a = metaOf(now, dir)
  const b = metaOf(before!, was)
  return a.size === b.size && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && isSameTime(a, b)
}
