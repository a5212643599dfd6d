/**
 * Extended attributes that are ours: stored on branches, never seen through the mount, never copied up.
 * Privileged daemons write `trusted.tsaufs.*`, others `user.tsaufs.*`; both are hidden always.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import type { XattrClass } from '../config/config.js'

const SPACES = ['trusted.tsaufs.', 'user.tsaufs.'] as const

/** The keys one daemon writes and reads. */
export interface XattrKeys {
  /** On a copied-up object: `FSID:INO` of where it came from; a trailing `:g` if it was one of several links. */
  readonly origin: Bytes
  /** On a renamed directory: where its lower part lies, from the root of the branches below. */
  readonly redirect: Bytes
  /** `y` on a directory that holds objects with an origin. */
  readonly impure: Bytes
  /** On the root of a writable branch while it is mounted. */
  readonly dirty: Bytes
}

let space: string = SPACES[0]

/**
 * Find out whether this process may use `trusted.` attributes (CAP_SYS_ADMIN in the first user namespace); else `user.`.
 * @param fd  root of a writable branch
 */
export function probeUserXattrs(fd: number): void {
  const probe = `${SPACES[0]}probe`
  space = sys.setxattr(fd, '', probe, Buffer.from('y'), 0) === -E.EPERM ? SPACES[1] : SPACES[0]
  sys.removexattr(fd, '', probe)
}

/** The keys of this process. */
export function xattrKeys(): XattrKeys {
  return { origin: `${space}origin`, redirect: `${space}redirect`, impure: `${space}impure`, dirty: `${space}dirty` }
}

/** What says that an object has no such attribute, or none that is ours. */
const NO_XATTR: ReadonlySet<number> = new Set([-E.ENODATA, -E.EOPNOTSUPP, -E.ENOSYS, -E.EPERM, -E.EACCES, -E.ERANGE])

/**
 * One of our attributes.
 * @returns its length in `out`; 0 if there is none, or one too long to be ours
 * @throws Errno EIO, ENOENT, ...
 */
export function readPrivate(dirfd: number, name: Bytes, key: Bytes, out: Buffer): number {
  const length = sys.getxattr(dirfd, name, key, out)
  if (length < 0 && !NO_XATTR.has(length)) throw new Errno(-length, 'getxattr', key)
  return Math.max(length, 0)
}

/** True for a key that users neither see nor set. */
export function isPrivateXattr(key: Bytes): boolean {
  return key.startsWith(SPACES[0]) || key.startsWith(SPACES[1])
}

/** The class of a key for `icex*`. */
export function xattrClass(key: Bytes): XattrClass {
  const space = key.slice(0, key.indexOf('.'))
  return space === 'security' || space === 'system' || space === 'trusted' || space === 'user' ? space : 'other'
}
