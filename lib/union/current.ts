/**
 * udba=reval: is a node still what its name shows on the branch? A name that leads elsewhere now is taken from the node,
 * which goes on with the file it has open or is stale: what took the name must never be reached by it.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { st } from '../os/stat.js'
import { closeFound, lookup, probe, viewOf } from './lookup.js'
import type { DirNode, Node } from './node.js'
import { dirfd } from './place.js'
import type { Union } from './union.js'

/** A cheap mark of the inode last seen by statx: its low word, never 0. */
export function seenMark(): number {
  return markOf(st.inoLow)
}

/** The same of an inode number whose low half is known. */
export function markOf(inoLow: number): number {
  return inoLow | 0 || 1
}

/** Fd of a directory on a branch, -1 if the directory is not there any more. @throws Errno as dirfd() */
function dirfdOrVanished(union: Union, dir: DirNode, branch: number): number {
  try {
    return dirfd(union, dir, branch)
  } catch (error) {
    if (error instanceof Errno && [E.ENOENT, E.ENOTDIR, E.ELOOP].includes(error.errno)) return -1
    throw error
  }
}

/** Does `name` have an object of the node's kind on branch `b`? It is in `sys.stat` then. */
function isThere(union: Union, node: Node, b: number, dir: DirNode, name: Bytes): boolean {
  const fd = dirfdOrVanished(union, dir, b)
  return fd >= 0 && sys.statx(fd, name) === 0 && st.kind === node.kind
}

/** Is what the directory's name has on branch `b` that by whose fd we go, or at the top the one we saw? */
function isCurrentOn(union: Union, node: DirNode, b: number, parent: DirNode): boolean {
  if (union.branches[b]!.spec.perm === 'rr' || node.paths?.has(b)) return true
  if (!isThere(union, node, b, parent, node.name)) return false
  const mark = seenMark()
  if (b === node.top) {
    if (node.seen !== 0 && node.seen !== mark) return false
    node.seen = mark
    if (union.config.dirperm1) union.statOf = node
    return true
  }
  const fd = union.dirfds.get(node, b)
  if (fd === undefined || union.dirfds.mark(node, b) === mark) return true
  if (sys.statx(fd, '') < 0 || seenMark() !== mark) return false
  union.dirfds.setMark(node, b, mark)
  return true
}

/**
 * udba=notify, in a directory that cannot be watched: does the union show something else under the name than by branches and
 * places we know? With udba=reval that is not asked, as with aufs.
 */
function isCovered(union: Union, node: Node, dir: DirNode, name: Bytes): boolean {
  if (union.watches === null) return false
  const found = probe(union, viewOf(union, dir), name)
  if (found === null) return true
  closeFound(found)
  if (found.top !== node.top) return true
  const isSame = !node.isDir() || (found.branches.join() === node.branches.join()
    && union.inos.of(found.fsid, found.low, found.high) === node.ino)
  return !isSame
}

/** @param whole its lower parts too, of which attributes show nothing */
function isCurrentDir(union: Union, node: DirNode, parent: DirNode, whole: boolean): boolean {
  for (const b of whole ? node.branches : []) if (b !== node.top && !isCurrentOn(union, node, b, parent)) return false
  return isCurrentOn(union, node, node.top, parent)
}

/**
 * Is a node still what `name`, one of its names, has on its branch? In a trusted directory we are told of every change. The name that was looked at is the one to go by from now on; `sys.stat` may be left with the node's statx, then
 * `union.statOf` says so.
 * @param whole of a directory, look at its lower parts too
 */
export function isCurrent(union: Union, node: Node, dir: DirNode, name: Bytes, whole = true): boolean {
  if (node.parent === null || node.fd >= 0 || node.indexed || union.trusted(node.isDir() ? node.parent : dir)) return true
  if (isCovered(union, node, node.isDir() ? node.parent : dir, node.isDir() ? node.name : name)) return false
  if (node.isDir()) return isCurrentDir(union, node, node.parent, whole)
  if (!isThere(union, node, node.top, dir, name)) return false
  const mark = seenMark()
  if (node.seen !== 0 && node.seen !== mark) return false
  node.seen = mark
  union.tree.prefer(node, dir, name)
  if (node.group === '') union.statOf = node
  return true
}

/**
 * Take names that lead elsewhere now from a node; `sys.stat` and `union.statOf` are left as by isCurrent().
 * @throws Errno ESTALE if no name is left, and the file is not open or may have been asked for by a name that the kernel
 *   keeps: it then looks the path up anew
 */
export function renew(union: Union, node: Node): void {
  while (node.parent !== null && !isCurrent(union, node, node.parent, node.name, false)) {
    // A directory may have lost a part only, and is the same still.
    if (node.isDir()) lookup(union, node.parent, node.name)
    else union.vanish(node, node.parent, node.name)
    if (node.parent === null && (node.fd < 0 || union.keepsNames)) throw new Errno(E.ESTALE, 'revalidate', `#${node.id}`)
  }
}

/** The same before something is done to a node by number, and may have been replaced since its path was looked up. */
export function keepCurrent(union: Union, node: Node): void {
  if (union.config.udba === 'none') return
  renew(union, node)
  union.statOf = null
}
