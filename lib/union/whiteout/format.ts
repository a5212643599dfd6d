/**
 * How a branch says "not here" and "nothing from below": one object per format, chosen per branch.
 * Reserved names of a format are known in its file and nowhere else.
 */
import type { Bytes } from '../../os/native.js'

/** What a name found in a branch directory is. */
export type NameClass = 'entry' | 'whiteout' | 'reserved'

/** One whiteout format. All functions take directory fds of the branch; errors are `-errno`. */
export interface WhiteoutFormat {
  readonly name: string
  /** Longest user name whose whiteout can still be written. */
  readonly nameMax: number
  /** What `name` means on a branch of this format; `entry` names are the user's. */
  classify(name: Bytes): NameClass
  /** Is a reserved name one that a crash left, of no use to anybody? */
  isTemporary(name: Bytes): boolean
  /** The user name that a name of class `whiteout` hides. */
  hidden(name: Bytes): Bytes
  /** The name of the whiteout for `name`. */
  whiteoutOf(name: Bytes): Bytes
  /** True if `dirfd` (the merged directory on this branch) hides `name` of the branches below. @throws Errno EIO, ... */
  isWhitedOut(dirfd: number, name: Bytes): boolean
  /** True if the open directory `dirfd` ends the merge. @throws Errno EIO, ... */
  isOpaque(dirfd: number): boolean
  /** Mark the open directory: nothing of the branches below belongs to it. EEXIST is success. */
  setOpaque(dirfd: number): number
  /** Take the mark of the open directory away again, when what it was made for is undone. */
  clearOpaque(dirfd: number): void
  /** Hide `name` below; `base` is an open file to link whiteouts to, or -1 for a file of its own. EEXIST is success. */
  create(dirfd: number, name: Bytes, base: number): number
  /** Undo `create`; ENOENT when there is none. */
  remove(dirfd: number, name: Bytes): number
}
