/**
 * On which branches something new would be seen: not below a whiteout of its name, nor below where the merge of one of its
 * directories ends (opaque mark, whiteout, something that is no directory), nor where a redirect leads past. Policies
 * wish; this is what holds for all of them. Source: union-semantics 8.1.
 */
import type { Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import type { DirNode } from './node.js'
import { dirfd } from './place.js'
import { liesOn } from './remove.js'
import type { Union } from './union.js'

/** Does the directory's own part on `b`, its lowest, end the merge? */
function isLast(union: Union, dir: DirNode, b: number): boolean {
  const branch = union.branches[b]!
  if (!branch.whiteable) return false
  if (branch.isOpaque(dirfd(union, dir, b))) return true
  return dir.parent!.branches.includes(b) && branch.isWhitedOut(dirfd(union, dir.parent!, b), dir.name)
}

/** Is `name` whited out on branch `b`, which has the directory? @throws Errno when that cannot be said */
export function isWhite(union: Union, dir: DirNode, name: Bytes, b: number): boolean {
  const branch = union.branches[b]!
  return branch.whiteable && branch.isWhitedOut(dirfd(union, dir, b), name)
}

/**
 * Would a part of `dir` on branch `b` be merged with those it has? True of every part it has.
 * @throws Errno EIO, ... of a branch that cannot be asked
 */
export function mayHave(union: Union, dir: DirNode, b: number): boolean {
  if (dir.parent === null || dir.branches.includes(b)) return true
  if (dir.redirects.some(({ at }) => at < b) || !mayHave(union, dir.parent, b)) return false
  const lowest = dir.branches[dir.branches.length - 1]!
  if (b < lowest) return true
  if (isLast(union, dir, lowest)) return false
  for (const p of dir.parent.branches) {
    if (p <= lowest || p > b) continue
    if (liesOn(union, dir.parent, dir.name, p)) return false
    // On the branch of the whiteout itself the new part takes its place.
    if (isWhite(union, dir.parent, dir.name, p)) return p === b
  }
  return true
}

/**
 * Would a new `name` in `dir` be seen if it lay on branch `b`? A whiteout of the name on `b` itself goes when it comes.
 * @throws Errno EIO, ... of a branch that cannot be asked
 */
export function isSeenOn(union: Union, dir: DirNode, name: Bytes, b: number): boolean {
  if (!mayHave(union, dir, b)) return false
  for (const p of dir.branches) {
    if (p >= b) return true
    if (isWhite(union, dir, name, p)) return false
  }
  return true
}

/** The nearest writable branch at or above `wanted` for which `fits` holds, -1 without any. */
export function nearestFit(union: Union, wanted: number, fits: (branch: number) => boolean): number {
  for (let b = wanted; b >= 0; b--) if (union.branches[b]!.writable && fits(b)) return b
  return -1
}

/**
 * The branch for a copy of an object of branch `from` in `dir`: what the policy wants, or the nearest above it.
 * @throws Errno EROFS
 */
export function copyTarget(union: Union, dir: DirNode, from: number): number {
  const wanted = union.copyUpPolicy(union.branches, dir, from)
  const to = nearestFit(union, wanted, b => mayHave(union, dir, b))
  if (to < 0) throw new Errno(E.EROFS, 'copy-up', dir.name)
  return to
}
