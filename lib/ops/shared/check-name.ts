/** Names users may use. What is no name at all (`..`, with a slash) does not get here: lib/fuse/names.ts. */
import type { Bytes } from '../../os/native.js'
import { Errno, E } from '../../os/errno.js'
import type { Union } from '../../union/union.js'
import { aufs } from '../../union/whiteout/aufs.js'

/** NAME_MAX of every file system a branch lies on. */
const NAME_MAX = 255

/**
 * A name to look for.
 * @throws Errno EPERM for a reserved one (aufs), ENAMETOOLONG beyond 255 bytes
 */
export function checkLookupName(name: Bytes, showWhiteouts: boolean): void {
  if (name.length > NAME_MAX) throw new Errno(E.ENAMETOOLONG, 'lookup', name)
  if (aufs.classify(name) === 'entry') return
  if (!showWhiteouts || aufs.classify(name) === 'reserved') throw new Errno(E.EPERM, 'lookup', name)
}

/** A name to create. @throws Errno EPERM, and ENAMETOOLONG where its whiteout could not be written */
export function checkNewName(union: Union, name: Bytes): void {
  if (aufs.classify(name) !== 'entry') throw new Errno(E.EPERM, 'create', name)
  if (name.length > aufs.nameMax && name.length > union.nameMax) throw new Errno(E.ENAMETOOLONG, 'create', name)
}
