/**
 * Extended attributes that are ours: stored on branches, never seen through the mount, never copied up.
 * Privileged daemons write `trusted.tsaufs.*`, others `user.tsaufs.*`; both are hidden always.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import type { XattrClass } from '../config/config.js'
import { OVERLAY_SPACES } from './whiteout/overlay.js'

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
  /** `y` on the root of a branch whose character devices 0:0 are devices and no whiteouts. */
  readonly devices: Bytes
  /** They are `user.` attributes, as are those of other programs that we can write. */
  readonly isUsers: boolean
}

let space: typeof SPACES[number] = SPACES[0]

/**
 * Find out whether this process may use `trusted.` attributes (CAP_SYS_ADMIN in the first user namespace); else `user.`.
 * @param fd  root of a writable branch; it is not written to
 */
export function probeUserXattrs(fd: number): void {
  const probe = `${SPACES[0]}probe`
  // There is none to replace: nothing is written, and who may not is told so first.
  const rc = sys.setxattr(fd, '', probe, Buffer.from('y'), sys.constants['XATTR_REPLACE']!)
  space = rc === -E.EPERM ? SPACES[1] : SPACES[0]
}

/** Without a writable branch to try it on: this process may not use `trusted.` attributes. */
export function useUserXattrs(): void {
  space = SPACES[1]
}

/**
 * The keys of this process.
 * @param hidden  as attributes that overlayfs does not show: it may mount the branch too
 */
export function xattrKeys(hidden: boolean): XattrKeys {
  const at = SPACES.indexOf(space)
  const prefix = hidden ? `${OVERLAY_SPACES[at]!}tsaufs.` : space
  return {
    origin: `${prefix}origin`, redirect: `${prefix}redirect`, impure: `${prefix}impure`, dirty: `${prefix}dirty`,
    devices: `${prefix}devices`, isUsers: space === SPACES[1],
  }
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

/** Does the root of a branch say that its character devices 0:0 are devices, whoever wrote that? @throws Errno EIO, ... */
export function saysDevices(fd: number): boolean {
  return SPACES.some(each => readPrivate(fd, '', `${each}devices`, Buffer.alloc(0)) > 0)
}

/** Marks of every format we read: ours, overlayfs's, fuse-overlayfs's, and those of containers/storage for owner and mode. */
const PRIVATE = [
  ...SPACES, ...OVERLAY_SPACES, 'user.fuseoverlayfs.', 'security.fuseoverlayfs.', 'user.containers.override_',
] as const

/** True for a key that users neither see nor set: what it says is for the branch it is on. */
export function isPrivateXattr(key: Bytes): boolean {
  return PRIVATE.some(space => key.startsWith(space)) && !isEscaped(key)
}

/** A format's mark, that is: not the owner and mode that other programs keep of an object. */
export function isMark(key: Bytes): boolean {
  return isPrivateXattr(key) && !/override_|^security\./.test(key)
}

/** Ours, in whichever space and form: the last part is what it says. */
const OURS = /^(trusted|user)\.(?:overlay\.)?tsaufs\.(.+)$/

/**
 * The key that says in another format what the mark `key` says.
 * @returns '' where there is none, or directories have got it already
 */
export function convertedKey(key: Bytes, to: 'aufs' | 'overlay' | 'oci'): Bytes {
  const ours = OURS.exec(key)
  if (ours === null) return to === 'overlay' && OVERLAY_SPACES.some(space => key.startsWith(space)) ? key : ''
  const [, space, what] = ours
  if (what === 'dirty') return key
  if (to === 'oci' || (to === 'overlay' && (what === 'redirect' || what === 'devices'))) return ''
  return to === 'overlay' ? `${space}.overlay.tsaufs.${what}` : `${space}.tsaufs.${what}`
}

const ESCAPE = 'overlay.'

/** Is it an attribute that an overlayfs above a union keeps there: `trusted.overlay.overlay.X`? */
function isEscaped(key: Bytes): boolean {
  return OVERLAY_SPACES.some(space => key.startsWith(space + ESCAPE))
}

/**
 * The key on the branch for one that a user names: an overlayfs whose layers lie in the union has marks of its own, which
 * must not be taken for ours. Source: overlayfs.rst, "Nesting overlayfs mounts".
 */
export function toBranchKey(key: Bytes): Bytes {
  const space = OVERLAY_SPACES.find(each => key.startsWith(each))
  return space === undefined ? key : space + ESCAPE + key.slice(space.length)
}

/** The key a user sees for one on the branch that is not private. */
export function toUserKey(key: Bytes): Bytes {
  const space = OVERLAY_SPACES.find(each => key.startsWith(each + ESCAPE))
  return space === undefined ? key : space + key.slice(space.length + ESCAPE.length)
}

/** True for a key of our own. */
export function isOwnXattr(key: Bytes): boolean {
  return SPACES.some(space => key.startsWith(space))
}

/** True for a key of our own on a branch in overlayfs's form. */
export function isHiddenOwnXattr(key: Bytes): boolean {
  return OVERLAY_SPACES.some(space => key.startsWith(`${space}tsaufs.`))
}

/** True for what marks overlayfs's copy of attributes alone. */
export function isMetacopyXattr(key: Bytes): boolean {
  return OVERLAY_SPACES.some(space => key === `${space}metacopy`)
}

/** True for a mark of overlayfs or fuse-overlayfs. */
export function isOverlayXattr(key: Bytes): boolean {
  return isPrivateXattr(key) && !isOwnXattr(key) && !key.startsWith('user.containers.')
}

/** An origin as it is stored. */
export interface StoredOrigin {
  readonly fsid: string
  readonly low: number
  readonly high: number
  /** It was one of several links: the link index has it. */
  readonly grouped: boolean
}

/** `FSID:INO` or `FSID:INO:g`; null for anything else: it may have been tampered with. */
export function parseOrigin(text: string): StoredOrigin | null {
  const [, fsid, ino, flag] = /^([0-9a-f]{16}):(\d{1,20})(:g)?$/.exec(text) ?? []
  const number = Number(ino)
  if (fsid === undefined || !Number.isSafeInteger(number)) return null
  return { fsid, low: number % 0x100000000, high: Math.floor(number / 0x100000000), grouped: flag !== undefined }
}

/** May this be where a redirect leads? `..` leads nowhere, and neither does the root. */
export function isRedirectPath(text: Bytes): boolean {
  const parts = text.split('/').filter(part => part !== '')
  return parts.length > 0 && !parts.includes('..') && !parts.includes('.') && !text.includes('\0')
}

/** The class of a key for `icex*`. */
export function xattrClass(key: Bytes): XattrClass {
  const space = key.slice(0, key.indexOf('.'))
  return space === 'security' || space === 'system' || space === 'trusted' || space === 'user' ? space : 'other'
}
