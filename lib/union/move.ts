/**
 * Move an object from one writable branch to another: nobody who uses it notices. The copy appears complete before the old
 * one goes, so a crash leaves both, of which the upper is seen. Source: union-semantics 7.3; aumvdown(8).
 */
import { sys } from '../os/native.js'
import { Errno, E, errnoName, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { Wait } from '../util/wait.js'
import { keepTimes } from './copy-meta.js'
import { dropJob } from './copy-data.js'
import { copyTo } from './copy-up.js'
import { keepCurrent } from './current.js'
import type { DirNode, Node } from './node.js'
import { place, slot } from './place.js'
import { isWhite, mayHave } from './reach.js'
import { liesOn, unwhite } from './remove.js'
import type { Union } from './union.js'

/** Why something is not moved: an errno's name, and a reason for people. */
export class Refusal extends Error {
  readonly code: string
  readonly reason: string

  constructor(code: string, reason: string) {
    super(`${code}: ${reason}`)
    this.code = code
    this.reason = reason
  }
}

export interface MoveOptions {
  /** The upper one stays: a copy is made below. */
  readonly keep?: boolean
  /** A file of this name on the target, which the upper one hides, is replaced. */
  readonly overwrite?: boolean
}

/** Time for workers that are writing to the file to end. */
const WRITERS_MS = 1

/** What speaks against moving the object at all, wherever to; null for nothing. @throws Errno when it cannot be looked at */
export function refusalOf(union: Union, node: Node): Refusal | null {
  if (node.isDir()) return new Refusal('EISDIR', 'it is a directory; give the files in it')
  if (node.parent === null) return new Refusal('ENOENT', 'its name is gone')
  const from = union.branches[node.top]!
  if (!from.writable) return new Refusal('EROFS', `its branch ${from.spec.path} is not writable; nothing can be taken from there`)
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', node.name)
  if (node.indexed || st.nlink > 1) return new Refusal('EBUSY', 'it has several names (hard links), which stay on one branch')
  if (st.frozen) return new Refusal('EPERM', 'it is immutable or append-only; see lsattr(1)')
  if (node.pass !== null && node.pass.handles > 0) return new Refusal('EBUSY', 'it is open, and the kernel has its file (io=passthrough)')
  return null
}

/** What speaks against its lying on branch `to`; null for nothing. @pre refusalOf is null */
export function refusalOn(union: Union, node: Node, to: number, overwrite = false): Refusal | null {
  const dir = node.parent!
  const path = (b: number): string => union.branches[b]!.spec.path
  if (!mayHave(union, dir, to)) return new Refusal('EINVAL', `a directory it is in is opaque, or ends, above ${path(to)}; it would not be seen there`)
  for (const b of dir.branches) {
    if (b < node.top || b >= to) continue
    if (isWhite(union, dir, node.name, b)) return new Refusal('EINVAL', `a whiteout on ${path(b)} would hide it`)
    if (b > node.top && liesOn(union, dir, node.name, b)) return new Refusal('EINVAL', `something of this name on ${path(b)} would hide it`)
  }
  if (!dir.branches.includes(to) || !liesOn(union, dir, node.name, to)) return null
  if (st.kind === node.kind && overwrite) return null
  return new Refusal('EEXIST', `${path(to)} has something of this name${overwrite ? ' and another kind' : '; replace it with --overwrite'}`)
}

/**
 * Move `node` to the writable branch `to`, its parents with it where they are missing.
 * @throws Refusal, before anything has changed; Wait while a worker copies or others write to the file; Errno ENOSPC, EIO, ...
 */
export function moveTo(union: Union, node: Node, to: number, { keep = false, overwrite = false }: MoveOptions = {}): void {
  keepCurrent(union, node)
  const refusal = refusalOf(union, node) ?? refusalOn(union, node, to, overwrite)
  if (refusal !== null) {
    dropJob(union, node)
    throw refusal
  }
  if (sys.dataWriters(node.id) > 0) throw new Wait(new Promise(resolve => { setTimeout(resolve, WRITERS_MS) }))
  // From now on writes come to JavaScript, where they wait for the copy (copyUp).
  sys.dataDrop(node.id)
  const from = node.top
  const dir = node.parent!
  copyTo(union, node, dir, to, Infinity, () => { if (overwrite && to > from) removeHidden(union, node, dir, to) })
  const old = slot(union, dir, from, node.name)
  const restore = keepTimes(old.dirfd)
  const rc = keep ? 0 : sys.unlinkat(old.dirfd, old.name, 0)
  if (rc < 0) {
    sys.unlinkat(slot(union, dir, to, node.name).dirfd, node.name, 0)
    union.moved(node, from)
    throw new Errno(-rc, 'unlinkat', node.name)
  }
  if (keep) union.moved(node, from)
  else restore()
  if (to > from) unwhite(union, dir, node.name, union.branches[to]!)
  union.changed.push(node.id, dir.id)
}

/** A lower file of the same name, which the one that is moved hides. */
function removeHidden(union: Union, node: Node, dir: DirNode, to: number): void {
  if (!dir.branches.includes(to)) return
  const rc = sys.unlinkat(slot(union, dir, to, node.name).dirfd, node.name, 0)
  if (rc < 0 && rc !== -E.ENOENT) throw new Refusal(errnoName(-rc), 'what has this name on the target cannot be removed')
}
