/**
 * How a branch says "not here" and "nothing from below": one object per format, chosen per branch (`+fmt=`).
 * Reserved names and attributes of a format are known in its file and nowhere else.
 *
 * There are two ways to hide a name: *beside* it, by another name (aufs, OCI), and *in its place*, by an object that is
 * itself no entry (overlayfs). A format has one of them or both.
 */
import type { Bytes } from '../../os/native.js'

/** What a name found in a branch directory is. */
export type NameClass = 'entry' | 'whiteout' | 'reserved'

/** What extended attributes of a directory say of its merge. */
export interface DirMarks {
  /** Nothing of the branches below belongs to it. */
  readonly opaque: boolean
  /** Empty regular files in it may be whiteouts. */
  readonly fileWhiteouts: boolean
  /** Where it goes on below: a path from the root, with a leading slash, or another name beside its own; '' if here. */
  readonly redirect: Bytes
  /** overlayfs has written to it: there may be copies without data in it. */
  readonly overlaid: boolean
}

export const NO_MARKS: DirMarks = { opaque: false, fileWhiteouts: false, redirect: '', overlaid: false }

/** One whiteout format. All functions take directory fds of the branch; errors are `-errno`. */
export interface WhiteoutFormat {
  readonly name: string
  /** Longest user name whose whiteout can still be written. */
  readonly nameMax: number
  /** Objects under the very name they hide are whiteouts: character devices 0:0 (in-place.ts). */
  readonly inPlace: boolean
  /** That is also how whiteouts are written: the name must be free for them, or be replaced by one. */
  readonly writesInPlace: boolean
  /** Directories carry marks as extended attributes of overlayfs's kind (marks.ts). */
  readonly attributes: boolean
  /** What `name` means on a branch of this format; `entry` names are the user's. */
  classify(name: Bytes): NameClass
  /** Is a reserved name one that a crash left, of no use to anybody? */
  isTemporary(name: Bytes): boolean
  /** The user name that a name of class `whiteout` hides. */
  hidden(name: Bytes): Bytes
  /** The name of the whiteout for `name`. */
  whiteoutOf(name: Bytes): Bytes
  /** True if something beside it in `dirfd` (the merged directory on this branch) hides `name` below. @throws Errno EIO, ... */
  hidesBeside(dirfd: number, name: Bytes): boolean
  /** True if an entry in the open directory `dirfd` ends the merge. @throws Errno EIO, ... */
  hasOpaqueEntry(dirfd: number): boolean
  /** Mark the open directory: nothing of the branches below belongs to it. EEXIST is success. */
  setOpaque(dirfd: number): number
  /** Take the mark of the open directory away again, when what it was made for is undone. */
  clearOpaque(dirfd: number): void
  /** Hide `name` below; `base` is an open file to link whiteouts to, or -1 for a file of its own. EEXIST is success. */
  create(dirfd: number, name: Bytes, base: number): number
  /** Undo `create`; ENOENT when there is none. */
  remove(dirfd: number, name: Bytes): number
}
