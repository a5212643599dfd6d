/**
 * moveonenospc: a file that can grow no more on its branch goes to another writable one, and the request is tried again.
 * Stays where it is what refusalOf() and refusalOn() (move.ts) say: files with several links, without a name, or hidden
 * where they would go. Source: mergerfs(1), moveonenospc.
 */
import { Errno, E, must } from '../os/errno.js'
import { sys } from '../os/native.js'
import { st } from '../os/stat.js'
import { awaitMove } from './copy-data.js'
import { keepCurrent } from './current.js'
import { moveTo, Refusal, refusalOf, refusalOn } from './move.js'
import type { Node } from './node.js'
import { place } from './place.js'
import type { Union } from './union.js'

/** A data request that found no space. */
export interface Shortage {
  /** ENOSPC or EDQUOT. */
  readonly errno: number
  /** How often the same request has, this time included. */
  readonly attempts: number
  /** What it would write. */
  readonly bytes: number
}

/** Indices of the branches that could take the file and have room for it: never one on the file system that is full. */
function candidates(union: Union, node: Node, bytes: number): Set<number> {
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', node.name)
  const need = st.blocks * 512 + bytes
  const full = union.branches[node.top]!.fsid
  return new Set(union.branches.flatMap((branch, b) => {
    const fits = branch.writable && branch.fsid !== full && branch.space.freeBytes(0) > need
    return fits && refusalOn(union, node, b) === null ? [b] : []
  }))
}

/**
 * Make room for a write to `node`; nothing is done where somebody else has made some meanwhile.
 * @throws Errno the shortage's when there is no room, or the file cannot be moved; Wait while it is moved
 */
export function makeRoom(union: Union, node: Node, { errno, attempts, bytes }: Shortage): void {
  const policy = union.movePolicy
  const short = new Errno(errno, 'write', node.name)
  if (policy === null || attempts > union.branches.length) throw short
  keepCurrent(union, node)
  if (node.copy?.done === false) awaitMove(union, node)
  // The first time it may have been moved, or others removed, since it came back; a quota does not show here.
  if (attempts === 1 && union.branches[node.top]!.space.freeBytes(0) > bytes) return
  if (refusalOf(union, node) !== null) throw short
  const fit = candidates(union, node, bytes)
  // The copy that was waited for decides; another answer would begin anew.
  const copied = node.copy?.branch ?? -1
  const to = fit.has(copied) ? copied : policy({
    branches: union.branches.map(({ space }, b) => ({ writable: fit.has(b), space })),
    dir: node.parent!, makesDir: false, modified: () => 0, random: Math.random,
  })
  if (to < 0) throw short
  try {
    moveTo(union, node, to)
  } catch (error) {
    if (error instanceof Refusal || (error instanceof Errno && error.errno === E.ENOSPC)) throw short
    throw error
  }
}
