/**
 * The change of the stack itself: one synchronous step in memory, in which every node gets the new places of branches.
 * Everything that can fail was done before (next.ts, survey.ts).
 */
import { sys, type Bytes } from '../../os/native.js'
import { Errno } from '../../os/errno.js'
import { S_IFREG } from '../../os/stat.js'
import { dropData } from '../copy-data.js'
import { seenMark } from '../current.js'
import { Kept } from '../kept.js'
import { DirNode, type Node } from '../node.js'
import { place } from '../place.js'
import { createPolicy } from '../policy/registry.js'
import { distrustAll, UNUSED_NAME } from '../recheck.js'
import type { Union } from '../union.js'
import type { Watches } from '../watches.js'
import type { NextStack } from './next.js'
import type { Gone, Survey } from './survey.js'

/** What the kernel is told to forget (fuse/invalidate.ts). */
export interface KernelCache {
  /** Look the name up at its next use. */
  expire(parent: number, name: Bytes): void
  /** Forget the name. */
  drop(parent: number, name: Bytes): void
  /** Forget attributes and what is cached of data or entries. */
  inode(nodeid: number): void
}

/** Fulfilled when the copies of file data that are under way have ended, however; null if there are none. */
export function copiesUnderWay(union: Union): Promise<unknown> | null {
  const copies: Promise<void>[] = []
  for (const { copy } of union.tree.nodes()) if (copy !== null && !copy.done) copies.push(copy.promise)
  return copies.length === 0 ? null : Promise.allSettled(copies)
}

/** Carry out a change that was surveyed. @param kernel is told what is stale; its caller sends that */
export function restack(union: Union, next: NextStack, survey: Survey, kernel: KernelCache): void {
  const old = union.branches
  const kept = kernelKeeps(union)
  const { udba, dirperm1 } = union.config
  const { watches } = union
  dropCopies(union)
  // Watches are on directories of branches: they are made anew, and what they had told is looked at again.
  for (const node of union.tree.nodes()) if (node instanceof DirNode) watches?.leave(union, node)
  if (watches !== null && watches !== next.watches) endWatches(union, watches, kernel)
  union.dirfds.clear()
  union.takeStack(next)
  adopt(union)
  const departed: Node[] = []
  for (const node of union.tree.nodes()) {
    if (next.map[node.top]! < 0) departed.push(node)
    closeChanged(union, node, old, next)
    if (node instanceof DirNode) moveDir(union, node, survey, next)
    else node.top = Math.max(0, next.map[node.top]!)
  }
  for (const gone of survey.gone) {
    kernel.drop(gone.dir.id, gone.name)
    loseName(union, gone, survey.held)
  }
  for (const node of departed) depart(union, node)
  survey.close()
  next.retire(old)
  tellKernel(union, survey, kept, kernel)
  if (udba !== 'reval' && udba !== union.config.udba) distrustKept(union, kernel)
  if (dirperm1 !== union.config.dirperm1) for (const dir of dirsOf(union)) kernel.inode(dir.id)
  if (union.watches !== null) distrustAll(union)
}

/** What else follows from the options that the union has now. */
function adopt(union: Union): void {
  const { udba, io, moveOnEnospc, watchMax } = union.config
  union.movePolicy = moveOnEnospc === null ? null : createPolicy(moveOnEnospc)
  union.kept = udba === 'none' || !union.beganTrusting ? null : union.kept ?? new Kept(union)
  union.passthrough.change(io === 'passthrough', udba === 'none')
  if (union.watches !== null) union.watches.max = watchMax
}

function dirsOf(union: Union): DirNode[] {
  return [...union.tree.nodes()].filter((node) => node instanceof DirNode)
}

/** Nobody tells of changes any more: the kernel is not to rely on names that it was told are missing. */
function endWatches(union: Union, watches: Watches, kernel: KernelCache): void {
  for (const dir of dirsOf(union)) {
    for (const name of watches.absent.take(dir)) if (!dir.children.has(name)) kernel.drop(dir.id, name)
  }
  watches.close()
}

/** A name the kernel keeps for ever although branches may change: it is on an `rr` branch, or in a watched directory. */
type KeptName = readonly [parent: DirNode, name: Bytes, node: Node]

function kernelKeeps(union: Union): KeptName[] {
  const kept: KeptName[] = []
  if (!union.keepsNames) return kept
  for (const node of union.tree.nodes()) {
    if (node.parent !== null && union.timeout(node) > 0) kept.push([node.parent, node.name, node])
  }
  return kept
}

/** Copies that are made and not installed yet are made again. */
function dropCopies(union: Union): void {
  for (const node of union.tree.nodes()) {
    if (node.copy === null) continue
    const branch = union.branches[node.copy.branch]!
    dropData(branch, node.copy.data)
    branch.endWork()
    node.copy = null
  }
}

/** A file open on a branch that leaves, or is to be written from now on or no more, is opened anew at its next use. */
function closeChanged(union: Union, node: Node, old: Union['branches'], { map, branches }: NextStack): void {
  if (node.kind !== S_IFREG) return
  const place = map[node.top]!
  if (place >= 0 && branches[place] === old[node.top]) return
  union.passthrough.letGo(node)
  sys.dataDrop(node.id)
}

function moveDir(union: Union, dir: DirNode, survey: Survey, { map }: NextStack): void {
  const merged = survey.merged.get(dir)
  union.listings.drop(dir)
  dir.listing = null
  sys.attrForget(dir.id)
  if (merged !== undefined) {
    dir.branches = merged.branches
    dir.paths = merged.paths
    dir.redirects = merged.redirects
    dir.impure = -1
  } else {
    const stays = (b: number): boolean => map[b]! >= 0
    dir.branches = dir.branches.filter(stays).map((b) => map[b]!).sort((a, b) => a - b)
    if (dir.paths !== null) dir.paths = new Map([...dir.paths].filter(([b]) => stays(b)).map(([b, path]) => [map[b]!, path]))
    dir.redirects = dir.redirects.filter(({ at }) => stays(at)).map(({ at, path }) => ({ at: map[at]!, path }))
    if (dir.branches.length === 0) dir.branches = [0]
  }
  dir.top = dir.branches[0]!
}

/** Its name leads elsewhere, or nowhere: without another one a node goes on with what is held open of it. */
function loseName(union: Union, { node, dir, name }: Gone, held: Map<Node, number>): void {
  if (union.tree.unlink(node, dir, name)) {
    union.tree.leaveGroup(node)
    const fd = held.get(node)
    if (fd !== undefined) {
      union.tree.hold(node, fd)
      held.delete(node)
    }
    if (node.isDir()) union.forgetParts(node)
  }
  union.tree.settle(node)
}

/** Its branch is gone: no request finds anything there. */
function depart(union: Union, node: Node): void {
  if (node instanceof DirNode && node.fd < 0) return
  for (const { dir, name } of node.aliases ?? []) union.tree.unlink(node, dir, name)
  if (node.parent !== null) union.tree.unlink(node, node.parent, node.name)
  union.tree.leaveGroup(node)
  union.tree.release(node)
  union.tree.settle(node)
}

/** What of the kernel's cache is not true any more, besides names that are gone. */
function tellKernel(union: Union, survey: Survey, kept: readonly KeptName[], kernel: KernelCache): void {
  for (const dir of survey.merged.keys()) kernel.inode(dir.id)
  for (const [dir, name] of survey.expire) kernel.expire(dir.id, name)
  for (const [parent, name, node] of kept) {
    if (node.parent !== parent || node.name !== name || union.timeout(node) > 0) continue
    kernel.expire(parent.id, name)
    kernel.inode(node.id)
  }
}

/**
 * The caches are not trusted any more as they were: nothing that the kernel keeps for ever may stay, nor a file that is not the
 * one of its name now. What it has been answered and not taken in yet comes before that: a name's lookup holds the
 * directory, and so does what is said here of a name in it.
 */
export function distrustKept(union: Union, kernel: KernelCache): void {
  for (const dir of dirsOf(union)) kernel.expire(dir.id, UNUSED_NAME)
  for (const node of union.tree.nodes()) {
    if (node !== union.tree.root && node.parent === null) continue
    if (node.parent !== null) kernel.expire(node.parent.id, node.name)
    for (const { dir, name } of node.aliases ?? []) kernel.expire(dir.id, name)
    kernel.inode(node.id)
    if (node.kind === S_IFREG && isAnother(union, node)) {
      union.passthrough.letGo(node)
      sys.dataDrop(node.id)
    }
  }
}

/** Is the file we have open of a node another than its name has? */
function isAnother(union: Union, node: Node): boolean {
  const fd = sys.dataFd(node.id, 0)
  if (fd < 0 || sys.statx(fd, '') < 0) return false
  const mark = seenMark()
  try {
    const at = place(union, node)
    return sys.statx(at.dirfd, at.name) < 0 || seenMark() !== mark
  } catch (error) {
    if (error instanceof Errno) return true
    throw error
  }
}
