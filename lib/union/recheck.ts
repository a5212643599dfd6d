/**
 * What becomes of an event on a branch (udba=notify): the name is looked at again, and where it is not what we know, we and
 * the kernel forget it. So nothing depends on the order of events, on who made the change, or on how many were merged.
 *
 * Changes of ours come back as events where watching cannot tell whose they are (inotify): the look finds what we know. One
 * by somebody else at the same time is found by the same look.
 */
import { sys, Watch, type Bytes } from '../os/native.js'
import { Errno } from '../os/errno.js'
import { S_IFDIR, S_IFREG, st } from '../os/stat.js'
import type { Branch } from './branch.js'
import { seenMark } from './current.js'
import { closeFound, enter, probe, viewOf, type Found } from './lookup.js'
import type { DirNode, Node } from './node.js'
import { dirfd } from './place.js'
import type { Union } from './union.js'
import { aufs } from './whiteout/aufs.js'

/** Names looked at in a directory with new parts before others get their turn. */
const SLICE = 256
/** No name of the kernel's: it is refused. */
export const UNUSED_NAME = aufs.whiteoutOf('')
const ALL = Watch.NAME | Watch.DATA | Watch.ATTRIBUTES

/** Files that have got another name, by branch and mark: what is written by that one may go unseen. */
type Linked = Set<string>

/**
 * Take in what has happened on the branches. @returns whether anything had
 * @throws Errno when events cannot be read
 */
export function takeEvents(union: Union): boolean {
  const { watches } = union
  const events = watches?.read() ?? null
  if (watches === null || events === null) return false
  const linked: Linked = new Set()
  const { numbers, whats, names } = events
  const seen = new Map<number, Map<Bytes, number>>()
  for (let i = 0; i < names.length; i++) {
    if (whats[i] === Watch.OVERFLOW) {
      distrustAll(union)
      continue
    }
    const inDir = seen.get(numbers[i]!) ?? new Map<Bytes, number>()
    inDir.set(names[i]!, (inDir.get(names[i]!) ?? 0) | whats[i]!)
    seen.set(numbers[i]!, inDir)
  }
  for (const [number, inDir] of seen) {
    for (const { dir, branch } of watches.parts(number)) {
      for (const [name, what] of inDir) recheck(union, dir, branch, name, what, linked)
    }
  }
  if (linked.size > 0) share(union, linked)
  union.statOf = null
  return true
}

/** Events were lost: everything is looked at again, from the root down. */
export function distrustAll(union: Union): void {
  const watches = union.watches!
  watches.epoch++
  watches.pending.clear()
  watches.pending.add(union.tree.root)
  union.note('overflow')
}

/** One event. @param name as it is on the branch, '' for the directory itself */
function recheck(union: Union, dir: DirNode, branch: Branch, name: Bytes, what: number, linked: Linked): void {
  try {
    const kind = name === '' ? 'reserved' : branch.format.classify(name)
    // Attributes may be whiteouts and opaque marks.
    const marks = branch.inPlace && (what & Watch.ATTRIBUTES) !== 0
    if (kind === 'reserved') recheckDir(union, dir, marks)
    if (kind === 'whiteout' && (what & Watch.NAME) !== 0) recheckHidden(union, dir, branch, name, linked)
    if (kind === 'entry' || (kind === 'whiteout' && union.config.shwh)) recheckName(union, dir, name, branch.index, marks ? ALL : what, linked)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    distrust(union, dir)
  }
}

/** A whiteout came or went. */
function recheckHidden(union: Union, dir: DirNode, branch: Branch, whiteout: Bytes, linked: Linked): void {
  const name = branch.format.hidden(whiteout)
  recheckName(union, dir, name, branch.index, ALL, linked)
  if (union.listener === null || !dir.branches.includes(branch.index)) return
  const fd = dirfd(union, dir, branch.index)
  if (sys.statx(fd, whiteout) === 0 && sys.statx(fd, name) === 0) union.note('conflict', dir, name, branch.index)
}

/**
 * Something about the directory itself: its attributes, an opaque mark, or that a part of it is gone.
 * @param marks what its entries are may be another thing now
 */
function recheckDir(union: Union, dir: DirNode, marks: boolean): void {
  tellChanged(union, dir, false)
  if (marks) {
    dir.watched = 0
    union.watches!.pending.add(dir)
  }
  const { parent } = dir
  if (parent === null || parent.children.get(dir.name) !== dir) return
  recheckName(union, parent, dir.name, dir.top, ALL, new Set())
}

/** A node's attributes, or with `data` its content too, are not what the kernel has. */
function tellChanged(union: Union, node: Node, data: boolean, dir = node.parent): void {
  const { told } = union
  if (told === null) return
  if (dir !== null) told.barrier(dir.id, UNUSED_NAME)
  // Where it asks at no opendir the kernel keeps the list.
  const list = union.noOpendir && node.isDir()
  if (list) told.barrier(node.id, UNUSED_NAME)
  told.inode(node.id, data || list)
}

/** Look at a name. @param branch where the event was @throws Errno of a branch */
function recheckName(union: Union, dir: DirNode, name: Bytes, branch: number, what: number, linked: Linked): void {
  const known = dir.children.get(name)
  const names = (what & Watch.NAME) !== 0
  if (names) tellChanged(union, dir, false)
  if (known === undefined) {
    if (!names) return
    if (union.watches!.absent.delete(dir, name)) union.told?.drop(dir.id, name)
    if (dir.listing !== null) compareListed(union, dir, name)
    if (dir.branches.includes(branch) && sys.statx(dirfd(union, dir, branch), name) === 0) noteLinks(branch, linked)
    return
  }
  if (known.isDir()) {
    compareListed(union, dir, name, known)
    return
  }
  // Hidden by what lies above.
  if (branch > known.top && !known.indexed) return
  if (!names) {
    tellChanged(union, known, true, dir)
    return
  }
  const found = compareListed(union, dir, name, known)
  if (found !== null && found.nlink > 1) linked.add(`${found.top}:${found.mark}`)
}

function noteLinks(branch: number, linked: Linked): void {
  if (st.kind === S_IFREG && st.nlink > 1) linked.add(`${branch}:${seenMark()}`)
}

/** Look, and make the list of the directory and the tree agree with what is there. */
function compareListed(union: Union, dir: DirNode, name: Bytes, known?: Node): Found | null {
  const found = probe(union, viewOf(union, dir), name)
  const entry = dir.listing?.get(name)
  const same = entry === undefined ? found === null : found !== null && entry.branch === found.top
    && entry.type === found.kind >> 12 && (entry.type === S_IFDIR >> 12 || (entry.low === 0 && entry.high === 0)
      || (entry.low === found.low && entry.high === found.high))
  if (!same && dir.listing !== null) {
    dir.listing = null
    union.listings.drop(dir)
  }
  if (known !== undefined) compareKnown(union, dir, name, found, known)
  else if (found !== null) closeFound(found)
  return found
}

function compareKnown(union: Union, dir: DirNode, name: Bytes, found: Found | null, known: Node): void {
  if (found === null) {
    union.note('gone', dir, name, known.top, known)
    union.vanish(known, dir, name)
  } else if (known.isDir() || known.indexed) {
    const now = enter(union, dir, name, found, known)
    if (now === known) return tellChanged(union, known, !known.isDir(), dir)
    union.note('replaced', dir, name, now.top, known)
    union.tree.settle(now)
  } else if (found.kind === known.kind && found.top === known.top && (known.seen === 0 || known.seen === found.mark)) {
    if (found.nlink > 1) known.shared = true
    tellChanged(union, known, true, dir)
  } else {
    closeFound(found)
    union.note('replaced', dir, name, found.top, known)
    union.vanish(known, dir, name)
  }
}

/** Files got names that may lie where nobody watches: they are not kept any more. */
function share(union: Union, linked: Linked): void {
  for (const node of union.tree.nodes()) {
    if (node.isDir() || node.shared || node.seen === 0 || !linked.has(`${node.top}:${node.seen}`)) continue
    node.shared = true
    tellChanged(union, node, true)
  }
}

/**
 * A directory has been entered into the tree, or found anew with these parts: have them watched. What was known of one that
 * has other parts now is looked at again, soon.
 * @param before its branches until now, null for a new node
 */
export function entered(union: Union, dir: DirNode, before: readonly number[] | null): void {
  const { watches } = union
  if (watches === null) return
  if (dir.parent !== null && !watches.isTrusted(dir.parent)) {
    if (watches.isWatched(dir)) distrust(union, dir)
    return
  }
  const known = watches.isTrusted(dir)
  const same = watches.cover(union, dir)
  if (same === undefined) {
    if (known) distrust(union, dir)
    union.note('unwatched', dir, '', dir.top)
  } else if (before === null) {
    watches.trust(dir)
  } else if (!known && dir.children.size === 0) {
    if (!watches.pending.has(dir)) watches.trust(dir)
  } else if (!known || !same || before.join() !== dir.branches.join()) {
    dir.watched = 0
    watches.pending.add(dir)
  }
}

/** Our own operation gave a directory a part on `branch`: somebody may have been quicker to put something into it than we to watch. */
export function extended(union: Union, dir: DirNode, branch: number): void {
  const { watches } = union
  if (watches === null || !watches.isTrusted(dir)) return
  if (watches.cover(union, dir) === undefined) return distrust(union, dir)
  const raw = sys.readdir(dirfd(union, dir, branch))
  if (typeof raw === 'number' || raw.names.length > 0) {
    dir.watched = 0
    watches.pending.add(dir)
  }
}

/**
 * Look through directories whose parts have changed, and after lost events through all.
 * @param all until there are none; else only so many names that others do not wait long
 * @returns whether there are more
 */
export function lookThrough(union: Union, all: boolean): boolean {
  const watches = union.watches!
  let looked = 0
  for (const dir of watches.pending) {
    if (!all && looked > SLICE) return true
    watches.pending.delete(dir)
    if (dir.parent === null && dir !== union.tree.root) continue
    looked += lookAt(union, dir)
  }
  union.statOf = null
  return watches.pending.size > 0
}

/** @returns how many names were looked at */
function lookAt(union: Union, dir: DirNode): number {
  const watches = union.watches!
  if (watches.cover(union, dir) === undefined) {
    distrust(union, dir)
    return 1
  }
  dir.listing = null
  union.listings.drop(dir)
  tellChanged(union, dir, false)
  for (const name of watches.absent.take(dir)) union.told?.drop(dir.id, name)
  watches.trust(dir)
  const linked: Linked = new Set()
  const names = dir.children.entries()
  for (const [name, child] of names) {
    if (dir.children.get(name) !== child) continue
    if (child.isDir() && !watches.isTrusted(child)) watches.pending.add(child)
    try {
      recheckName(union, dir, name, 0, ALL, linked)
    } catch (error) {
      if (!(error instanceof Errno)) throw error
      distrust(union, dir)
      return names.length
    }
  }
  if (linked.size > 0) share(union, linked)
  return names.length + 1
}

/** Nothing of a directory, and of those below, is kept any more. */
export function distrust(union: Union, dir: DirNode): void {
  const { watches, told } = union
  if (watches === null) return
  watches.leave(union, dir)
  for (const name of watches.absent.take(dir)) if (!dir.children.has(name)) told?.drop(dir.id, name)
  tellChanged(union, dir, false)
  sys.attrForget(dir.id)
  dir.listing = null
  union.listings.drop(dir)
  for (const [name, child] of dir.children.entries()) {
    told?.expire(dir.id, name)
    tellChanged(union, child, true, dir)
    if (child.isDir()) distrust(union, child)
  }
}

/** A name is taken from a node: so are, with a directory, those below it. */
export function forsake(union: Union, node: Node, dir: DirNode, name: Bytes): void {
  const { watches, told } = union
  if (watches === null) return
  told?.drop(dir.id, name)
  if (!node.isDir()) return
  for (const missing of watches.absent.take(node)) if (!node.children.has(missing)) told?.drop(node.id, missing)
  for (const [below, child] of node.children.entries()) forsake(union, child, node, below)
  watches.leave(union, node)
}
