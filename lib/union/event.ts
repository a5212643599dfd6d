/** What people may want to follow of a mount (`tsaufs events`), above all what direct changes of its branches did to it. */
import type { Bytes } from '../os/native.js'

/**
 * - gone: a name in use is no longer on its branch, and nowhere else
 * - replaced: it shows something else now
 * - conflict: a whiteout was put beside the entry it would hide; the entry counts
 * - unwatched: a directory cannot be watched, it is looked at each time
 * - overflow: changes came faster than they could be told, and all that is known is looked at again
 */
export type EventKind = 'gone' | 'replaced' | 'conflict' | 'unwatched' | 'overflow'

export interface UnionEvent {
  readonly event: EventKind
  /** In the union, from its root; '' where it is about no name. */
  readonly path: Bytes
  /** Path of the branch where it was, or is now. */
  readonly branch: Bytes
  /** The daemon has the file open that is gone or replaced: who uses it goes on with that. */
  readonly open: boolean
}

/** The live stack was changed: a branch came, went, or has other permissions and attributes. */
export interface StackEvent {
  readonly event: 'add' | 'del' | 'mod'
  /** It is about no name. */
  readonly path: ''
  readonly branch: Bytes
  /** `PATH=perm+attrs`, as it is, or was until it went. */
  readonly as: Bytes
  /** The same as it was before; of `mod` only. */
  readonly was?: Bytes
  /** Its place, 0 at the top: of what went, the one it had. */
  readonly place: number
}
