/**
 * Which branches have a name: the merge rule of the union, and entering what it finds into the tree.
 *
 * Top to bottom: the first branch that has the name decides its type; directories merge with directories below until a
 * whiteout, an opaque mark or something that is no directory ends it. A branch's own entry wins over its own whiteout
 * (OCI layer rule), and such a whiteout still ends the merge. Source: union-semantics section 3; aufs lookup.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { S_IFDIR, st } from '../os/stat.js'
import type { Branch } from './branch.js'
import { isCurrent, seenMark } from './current.js'
import { DirNode, Node, type Redirect } from './node.js'
import { followRedirect, join, lowerPath } from './redirect.js'
import { dirfd } from './place.js'
import { findCopy, groupKey, groupName } from './link-group.js'
import type { Entry } from './listing.js'
import { listIfAskedOften } from './listings.js'
import { entered } from './recheck.js'
import type { Union } from './union.js'
import { parseOrigin, readPrivate } from './xattr-keys.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!
const PATH_MAX = 4096
const DT_DIR = S_IFDIR >> 12
const xattrBuffer = Buffer.alloc(PATH_MAX)

/** A merged directory as the merge rule sees it: where it exists, and its fd there. */
export interface DirView {
  readonly branches: readonly number[]
  fd(branch: number): number
  /** Path of its part below branch `at`, in the union of the branches below `at` (redirect.ts lowerPath). */
  lower(at: number): Bytes
}

/** What the merge rule goes by: a union, or its branches alone. */
export interface Layers {
  readonly branches: readonly Branch[]
  readonly config: { readonly shwh: boolean }
}

/** What the merge rule says of a name. */
export interface Found {
  readonly kind: number
  readonly top: number
  /** For directories: where it exists, top first. */
  readonly branches: number[]
  paths: Map<number, Bytes> | null
  redirects: Redirect[]
  /** Of the topmost object (current.ts seenMark). */
  readonly mark: number
  /** The lowest object: its file system and inode number. */
  fsid: string
  low: number
  high: number
  /** Number of links of a non-directory. */
  readonly nlink: number
  /** Fds of the directory that were opened on the way, by branch: the finder's to keep or close. */
  fds: Map<number, number> | null
}

/** A directory node as a view. */
export function viewOf(union: Union, dir: DirNode): DirView {
  return { branches: dir.branches, fd: branch => dirfd(union, dir, branch), lower: at => lowerPath(dir, at) }
}

function isAbsent(rc: number): boolean {
  return rc === -E.ENOENT || rc === -E.ENOTDIR || rc === -E.ENAMETOOLONG
}

/**
 * Apply the merge rule to `name` in `view`, from branch `from` down.
 * For a non-directory `sys.stat` is left with its statx.
 * @returns null if no branch has it
 * @throws Errno EIO, EACCES, ... of a branch that cannot be asked
 */
export function probe(stack: Layers, view: DirView, name: Bytes, from = 0): Found | null {
  const search: Search = { found: null }
  try {
    descend(stack, view, name, from, search)
  } catch (error) {
    if (search.found !== null) closeFound(search.found)
    throw error
  }
  return search.found
}

/** What a probe has found so far. */
interface Search {
  found: Found | null
}

function descend(stack: Layers, view: DirView, name: Bytes, from: number, search: Search): void {
  for (const b of view.branches) {
    if (b < from) continue
    const branch = stack.branches[b]!
    const fd = view.fd(b)
    const rc = sys.statx(fd, name)
    if (rc < 0) {
      if (!isAbsent(rc)) throw new Errno(-rc, 'statx', name)
      if (branch.whiteable && branch.format.hidesBeside(fd, name)) break
      continue
    }
    if (branch.inPlace && branch.isWhiteout(fd, name) && !stack.config.shwh) break
    const kind = st.kind
    let found = search.found
    if (found === null) {
      found = search.found = {
        kind, top: b, branches: [b], paths: null, redirects: [], mark: seenMark(),
        fsid: branch.fsid, low: st.inoLow, high: st.inoHigh, nlink: st.nlink, fds: new Map(),
      }
      if (kind !== S_IFDIR) return
    } else {
      if (kind !== S_IFDIR) break
      found.branches.push(b)
      found.fsid = branch.fsid
      found.low = st.inoLow
      found.high = st.inoHigh
    }
    if (branch.whiteable && endsHere(stack, b, view, name, found)) break
  }
}

/** Close the fds a probe opened and nobody took over. */
export function closeFound(found: Found): void {
  for (const fd of found.fds?.values() ?? []) sys.close(fd)
  found.fds = null
}

/** Does the merge of directory `name` end on this branch? Follows a redirect, which ends it too. */
function endsHere(stack: Layers, b: number, view: DirView, name: Bytes, found: Found): boolean {
  const branch = stack.branches[b]!
  const parent = view.fd(b)
  const fd = sys.openBeneath(parent, name, O_PATH_DIR)
  if (fd < 0) throw new Errno(-fd, 'openat2', name)
  found.fds ??= new Map()
  found.fds.set(b, fd)
  const { opaque, redirect } = branch.readMarks(fd)
  if (opaque) return true
  if (redirect !== '') {
    const path = redirect.startsWith('/') ? redirect.slice(1) : join(view.lower(b), redirect)
    found.redirects.push({ at: b, path })
    followRedirect(stack, b + 1, path, found)
    return true
  }
  return branch.format.hasOpaqueEntry(fd) || branch.format.hidesBeside(parent, name)
}

/** The origin stored with a copied-up object, if any: sets it in `found`. Answers whether it belongs to a link group. */
function readOrigin(stack: Layers, branch: number, dirfd: number, name: Bytes, found: Found): boolean {
  const key = stack.branches[branch]!.keys.origin
  const length = readPrivate(dirfd, name, key, xattrBuffer)
  if (length === 0) return false
  const origin = parseOrigin(xattrBuffer.toString('latin1', 0, length))
  if (origin === null) return false
  found.fsid = origin.fsid
  found.low = origin.low
  found.high = origin.high
  return origin.grouped
}

/** May objects in this directory carry a stored origin? A merged one always, others are marked. */
export function isImpure(union: Union, dir: DirNode): boolean {
  return dir.branches.length > 1 || isMarked(union, dir)
}

/** Is this directory marked so, whether it is merged at the moment or not? Branches below it may be taken away. */
export function isMarked(union: Union, dir: DirNode): boolean {
  if (dir.impure < 0) {
    const branch = union.branches[dir.top]!
    dir.impure = branch.ours && readPrivate(dirfd(union, dir, dir.top), '', branch.keys.impure, xattrBuffer) > 0 ? 1 : 0
  }
  return dir.impure === 1
}

/** What a found non-directory is: its identity, and where its content lies. */
export interface Identity {
  readonly top: number
  readonly group: string
  readonly indexed: boolean
}

/** Has the link index this very file? An index that lost it, or has another, does not take it out of sight. */
function isIndexed(branch: Branch, group: string, found: Found): boolean {
  const links = branch.linkDir()
  return links >= 0 && sys.statx(links, groupName(group)) === 0 && st.kind === found.kind && seenMark() === found.mark
}

/** Finds origin and link group of a non-directory; may leave another statx in `sys.stat`. */
function identify(union: Union, dir: DirNode, name: Bytes, found: Found): Identity {
  const stored = union.branches[found.top]!.ours && isImpure(union, dir)
  return identifyIn(union, union.config.plink, stored ? dirfd(union, dir, found.top) : -1, name, found)
}

/**
 * The same in any stack.
 * @param plink look for link groups on read-only branches too
 * @param parent fd of the directory on the branch of `found`, or -1 if no origin can be stored there
 */
export function identifyIn(stack: Layers, plink: boolean, parent: number, name: Bytes, found: Found): Identity {
  const branch = stack.branches[found.top]!
  // Its own, as a copy that somebody made of a copy beside us has the same origin.
  const { fsid, low, high } = found
  if (parent >= 0 && readOrigin(stack, found.top, parent, name, found)) {
    const group = groupKey(found.fsid, found.low, found.high)
    if (isIndexed(branch, group, found)) return { top: found.top, group, indexed: true }
  }
  if (found.nlink < 2 || (!plink && !branch.writable)) return { top: found.top, group: '', indexed: false }
  const own = groupKey(fsid, low, high)
  const copy = findCopy(stack.branches, found.top - 1, own)
  return copy >= 0 && st.kind === found.kind
    ? { top: copy, group: own, indexed: true } : { top: found.top, group: own, indexed: false }
}

/**
 * Find `name` in `dir` and enter it into the tree, as the node it already is or as a new one.
 * @returns null if the union has no such name
 */
export function lookup(union: Union, dir: DirNode, name: Bytes): Node | null {
  const known = dir.children.get(name)
  if (known !== undefined && isCurrent(union, known, dir, name)) return known
  if (known === undefined && isListed(union, dir)) {
    const entry = dir.listing!.get(name)
    return entry === undefined ? null : lookupListed(union, dir, entry)
  }
  const found = probe(union, viewOf(union, dir), name)
  if (found === null) {
    if (known !== undefined) union.vanish(known, dir, name)
    return null
  }
  return enter(union, dir, name, found, known)
}

/** Has the directory a list that can be trusted? */
function isListed(union: Union, dir: DirNode): boolean {
  return union.trusted(dir) && (dir.listing !== null || listIfAskedOften(union, dir))
}

/** The same for an entry of such a list, whose name is not in the tree yet. The string kept is the list's own. */
export function lookupListed(union: Union, dir: DirNode, entry: Entry): Node | null {
  const plain = enterPlain(union, dir, entry)
  if (plain !== null) return plain
  const found = probe(union, viewOf(union, dir), entry.name, entry.branch)
  return found === null ? null : enter(union, dir, entry.name, found, undefined)
}

/** Most are that simple: a file with one name, on a branch that holds nothing but files. null if it is not. */
function enterPlain(union: Union, dir: DirNode, entry: Entry): Node | null {
  const branch = union.branches[entry.branch]!
  if (branch.whiteable || entry.type === DT_DIR) return null
  const rc = sys.statx(dirfd(union, dir, entry.branch), entry.name)
  if (rc < 0 || st.nlink !== 1 || st.kind >> 12 !== entry.type) return null
  if (nameless(union, branch.fsid, st.inoLow, st.inoHigh) !== undefined) return null
  const node = new Node(st.kind, union.inos.of(branch.fsid, st.inoLow, st.inoHigh), dir, entry.name, entry.branch)
  node.seen = seenMark()
  union.tree.add(node)
  union.statOf = node
  return node
}

/** The node of a file whose other names are gone, the one it was known by among them: what is open there is this file. */
function nameless(union: Union, fsid: string, low: number, high: number): Node | undefined {
  if (!union.tree.hasGroups) return undefined
  const node = union.tree.group(groupKey(fsid, low, high))
  return node?.parent === null ? node : undefined
}

/** Enter a found name. `known` is what the tree had under it. */
export function enter(union: Union, dir: DirNode, name: Bytes, found: Found, known: Node | undefined): Node {
  if (found.kind === S_IFDIR) return enterDir(union, dir, name, found, known)
  const identity = identify(union, dir, name, found)
  const ino = union.inos.of(found.fsid, found.low, found.high)
  const twin = identity.group === '' ? nameless(union, found.fsid, found.low, found.high) : union.tree.group(identity.group)
  if (twin !== undefined && twin.kind === found.kind) {
    if (known !== undefined && known !== twin) union.vanish(known, dir, name)
    union.tree.link(twin, dir, name)
    if (union.config.udba !== 'none' && twin.top === found.top && !twin.indexed) {
      union.tree.prefer(twin, dir, name)
      twin.seen = found.mark
    }
    return twin
  }
  if (known !== undefined) union.vanish(known, dir, name)
  const node = new Node(found.kind, ino, dir, name, identity.top)
  node.indexed = identity.indexed
  node.shared = identity.group === '' && found.nlink > 1
  node.seen = identity.top === found.top ? found.mark : 0
  union.tree.add(node)
  if (identity.group === '') union.statOf = node
  else union.tree.joinGroup(node, identity.group)
  return node
}

/**
 * A directory's lowest part may have been made below the others (copy-down): the number goes on being that of the part
 * whose origin it has. Only writable branches hold such parts, never as the only one.
 */
function dirIdentity(union: Union, found: Found): void {
  const lowest = found.branches[found.branches.length - 1]!
  const fd = found.fds?.get(lowest)
  if (lowest === found.top || fd === undefined || union.branches[lowest]!.spec.perm !== 'rw') return
  readOrigin(union, lowest, fd, '', found)
}

function enterDir(union: Union, dir: DirNode, name: Bytes, found: Found, known: Node | undefined): DirNode {
  dirIdentity(union, found)
  const ino = union.inos.of(found.fsid, found.low, found.high)
  let before: readonly number[] | null = null
  let node: DirNode
  if (known instanceof DirNode && known.ino === ino) {
    node = known
    before = node.branches
    union.dirfds.dropAll(node)
    node.top = found.top
    node.branches = found.branches
    node.listing = null
    node.impure = -1
  } else {
    if (known !== undefined) union.vanish(known, dir, name)
    node = new DirNode(ino, dir, name, found.branches)
    union.tree.add(node)
  }
  node.paths = found.paths
  node.redirects = found.redirects
  node.seen = found.mark
  for (const [branch, fd] of found.fds ?? []) union.dirfds.put(node, branch, fd)
  entered(union, node, before)
  return node
}

/** The inode number of a name without entering it; 0 if it is gone. For readdir. */
export function peekIno(union: Union, dir: DirNode, name: Bytes): number {
  const known = dir.children.get(name)
  if (known !== undefined && isCurrent(union, known, dir, name)) return known.ino
  const found = probe(union, viewOf(union, dir), name)
  if (found === null) return 0
  if (found.kind === S_IFDIR) dirIdentity(union, found)
  else identify(union, dir, name, found)
  closeFound(found)
  return union.inos.of(found.fsid, found.low, found.high)
}
