/**
 * The union's side of rename(2): which branch, what must be there first, and the steps whose every prefix is either the
 * old state or the new one for whoever looks (whiteouts beside their own name count for what lies below only).
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import type { Branch } from './branch.js'
import { keepTimes } from './copy-meta.js'
import { carryOrigin, copyUp, ensureDir } from './copy-up.js'
import { groupName, type Plan } from './link-group.js'
import type { DirNode, Node } from './node.js'
import { branchPath, dirfd, entryPath, slot, type Place } from './place.js'
import { copyTarget, isSeenOn, mayHave, nearestFit } from './reach.js'
import { hasLower, lowerPath } from './redirect.js'
import { liesOn, mayHoldWhiteouts, relink, unwhite, visibleBelow, whiteOut } from './remove.js'
import { swapDirs } from './swap.js'
import type { Union } from './union.js'
import { purgeWhiteouts } from './whiteout/overlay.js'

const RENAME_WHITEOUT = sys.constants['RENAME_WHITEOUT']!

/** A name in a directory and the node behind it. */
export interface Named {
  readonly dir: DirNode
  readonly name: Bytes
  readonly node: Node
}

/** Where a rename goes; `node` is what is there now. */
export interface Destination {
  readonly dir: DirNode
  readonly name: Bytes
  readonly node: Node | null
}

/**
 * The branch on which the rename happens: the source's if writable, not below where the destination would be seen.
 * @throws Errno EROFS
 */
export function renameBranch(union: Union, from: Named, to: Destination): Branch {
  const { branches } = union
  let b = branches[from.node.top]!.writable ? from.node.top : copyTarget(union, from.dir, from.node.top)
  if (to.node !== null && to.node.top < b) b = to.node.top
  b = nearestFit(union, b, each => isSeenOn(union, to.dir, to.name, each) && mayHave(union, from.dir, each))
  if (b < 0) throw new Errno(E.EROFS, 'rename', from.name)
  return branches[b]!
}

/**
 * Have the source on `branch` under its own name, whole.
 * @throws Wait for the data of a big file; Errno EXDEV for a merged directory with nodirren
 */
export function bringUp(union: Union, from: Named, branch: Branch): void {
  const { node, dir, name } = from
  if (node.isDir()) {
    if (!union.config.dirren && (hasLower(node, branch.index) || !node.branches.includes(branch.index))) {
      throw new Errno(E.EXDEV, 'rename', name)
    }
    ensureDir(union, node, branch.index)
    return
  }
  copyUp(union, node, Infinity, branch.index)
  if (!liesOn(union, dir, name, branch.index)) {
    // One of the lower names of a copied-up link group: it becomes a real link first.
    ensureDir(union, dir, branch.index)
    const copy: Place = node.indexed
      ? { dirfd: branch.linkDir(), name: groupName(node.group) }
      : slot(union, node.parent!, branch.index, node.name)
    must(sys.linkat(copy.dirfd, copy.name, dirfd(union, dir, branch.index), name), 'linkat', name)
  }
}

/**
 * Make a directory on `branch` independent of its name: what it has below is recorded as a redirect, which says where it
 * is now and may stay whatever happens; one that has nothing below becomes opaque if something would show through at `to`.
 * @returns what takes an opaque mark away again
 */
export function detach(union: Union, node: DirNode, to: Pick<Destination, 'dir' | 'name'>, branch: Branch): () => void {
  const fd = dirfd(union, node, branch.index)
  if (hasLower(node, branch.index)) {
    if (node.redirects.some(redirect => redirect.at === branch.index)) return () => {}
    const path = lowerPath(node, branch.index)
    const rc = branch.setRedirect(fd, path)
    if (rc === -E.EOPNOTSUPP || rc === -E.ERANGE || rc === -E.EPERM) throw new Errno(E.EXDEV, 'rename', node.name)
    must(rc, 'setxattr', node.name)
    node.redirects = [...node.redirects, { at: branch.index, path }]
  } else if (union.config.diropq === 'always' || showsThrough(union, to, branch)) {
    const marked = branch.isOpaque(fd)
    if (!marked) {
      const restore = keepTimes(fd)
      must(branch.format.setOpaque(fd), 'opaque', node.name)
      if (branch.format.writesInPlace) purgeWhiteouts(fd)
      restore()
      return () => { branch.format.clearOpaque(fd) }
    }
  }
  return () => {}
}

/**
 * Is there something below at `to`, or hidden there by this branch's own whiteout? A new directory must not merge with
 * it.
 */
function showsThrough(union: Union, to: Pick<Destination, 'dir' | 'name'>, branch: Branch): boolean {
  const whited = mayHoldWhiteouts(to.dir, branch.index) && branch.isWhitedOut(dirfd(union, to.dir, branch.index), to.name)
  return whited || visibleBelow(union, to.dir, to.name, branch.index)
}

/** Remember where a directory's lower parts lie, before its name changes. */
function pinPaths(union: Union, node: DirNode, above: number): void {
  const paths = new Map(node.paths ?? [])
  for (const b of node.branches) if (b > above) paths.set(b, branchPath(union, node, b))
  node.paths = paths.size === 0 ? null : paths
}

/** Undo a rename of a file whose replaced target was a name of a copied-up link group. */
function moveBack(union: Union, source: Place, target: Place, to: Destination, branch: Branch): void {
  sys.renameat2(target.dirfd, target.name, source.dirfd, source.name, 0)
  if (to.node !== null) relink(union, to.node, to.dir, to.name, branch)
}

/**
 * renameat2(2) that lets a directory take the place of a whiteout too.
 * @param leave whether a whiteout is to be left, in overlayfs's form
 */
function renameOver(branch: Branch, source: Place, target: Place, flags: number, leave: boolean): number {
  const rc = sys.renameat2(source.dirfd, source.name, target.dirfd, target.name, flags)
  if (rc !== -E.ENOTDIR || !branch.inPlace || !branch.hidesInPlace(target.dirfd, target.name)) return rc
  const exchanged = sys.renameat2(source.dirfd, source.name, target.dirfd, target.name, sys.constants['RENAME_EXCHANGE']!)
  if (exchanged === 0 && !leave) sys.unlinkat(source.dirfd, source.name, 0)
  return exchanged
}

/**
 * The rename on one branch. @pre bringUp, both directories on `branch`, a directory source detached
 * @param plan  for the replaced target's link group; if it cannot be carried out the rename is undone
 * @param flags RENAME_WHITEOUT or 0: with it the kernel leaves a character device 0:0 as the caller asked
 */
export function actRename(union: Union, from: Named, to: Destination, branch: Branch, flags: number, plan: Plan): void {
  const source = slot(union, from.dir, branch.index, from.name)
  const target = slot(union, to.dir, branch.index, to.name)
  const hides = flags === 0 && visibleBelow(union, from.dir, from.name, branch.index)
  const leave = hides && branch.whitesOver(from.name)
  if (hides && !leave) whiteOut(union, from.dir, from.name, branch)
  if (leave) from.dir.listing?.whited(branch.index)
  try {
    if (!from.node.isDir()) carryOrigin(union, source, to.dir, branch)
    const rc = renameOver(branch, source, target, leave ? RENAME_WHITEOUT : flags, leave)
    if (rc === -E.ENOTEMPTY || rc === -E.EEXIST) {
      swapDirs(branch, source, target, entryPath(union, from.dir, from.name, branch.index), leave)
    } else {
      must(rc, 'renameat2', from.name)
      try {
        plan.commit()
      } catch (error) {
        moveBack(union, source, target, to, branch)
        throw error
      }
    }
  } catch (error) {
    if (hides && !leave) branch.unhide(source.dirfd, from.name)
    throw error
  }
  if (mayHoldWhiteouts(to.dir, branch.index)) unwhite(union, to.dir, to.name, branch)
  if (from.node.isDir()) pinPaths(union, from.node, branch.index)
}

/** RENAME_EXCHANGE on one branch. @pre bringUp of both, directories detached */
export function actExchange(union: Union, a: Named, b: Named, branch: Branch): void {
  const x = slot(union, a.dir, branch.index, a.name)
  const y = slot(union, b.dir, branch.index, b.name)
  if (!a.node.isDir()) carryOrigin(union, x, b.dir, branch)
  if (!b.node.isDir()) carryOrigin(union, y, a.dir, branch)
  must(sys.renameat2(x.dirfd, x.name, y.dirfd, y.name, sys.constants['RENAME_EXCHANGE']!), 'renameat2', a.name)
  for (const { node } of [a, b]) if (node.isDir()) pinPaths(union, node, branch.index)
}
