/**
 * overlayfs's marks: a character device 0:0 in the place of what it hides, or an empty regular file with an attribute in a
 * directory that says such files are there; opaque and renamed directories by attributes.
 * Source: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories", "redirect_dir", "metacopy".
 */
import { sys, type Bytes } from '../../os/native.js'
import { Errno, E } from '../../os/errno.js'
import { S_IFCHR, S_IFDIR, st } from '../../os/stat.js'
import { aufs } from './aufs.js'
import { NO_MARKS, type DirMarks, type WhiteoutFormat } from './format.js'

/** `trusted.` is the kernel's own; `user.` with the mount option `userxattr`, in user namespaces. */
export const OVERLAY_SPACES = ['trusted.overlay.', 'user.overlay.'] as const
const NAME_MAX = 255
const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!

/** What says that there is no such attribute that we could read. */
const ABSENT: ReadonlySet<number> = new Set([-E.ENODATA, -E.EOPNOTSUPP, -E.ENOSYS, -E.EPERM, -E.EACCES, -E.ERANGE])
const NOTHING = Buffer.alloc(0)

/** Has the object one of overlayfs's attributes, in either space? @throws Errno EIO, ... */
function has(dirfd: number, name: Bytes, key: string): boolean {
  for (const space of OVERLAY_SPACES) {
    const rc = sys.getxattr(dirfd, name, space + key, NOTHING)
    if (rc >= 0) return true
    if (!ABSENT.has(rc)) throw new Errno(-rc, 'getxattr', name)
  }
  return false
}

/** Is the empty regular file `name` a whiteout? Only in a directory that says it has such. @throws Errno EIO, ... */
export function isFileWhiteout(dirfd: number, name: Bytes): boolean {
  return has(dirfd, name, 'whiteout') && readMarks(dirfd, true).fileWhiteouts
}

/** Is the open file a copy of attributes alone, whose data lies below (metacopy)? @throws Errno EIO, ... */
export function isMetacopy(fd: number): boolean {
  return has(fd, '', 'metacopy')
}

/** Where an open file's data or name lies below, as overlayfs says it; '' if it does not. @throws Errno EIO, ... */
export function redirectOf(fd: number, trustUser: boolean): Bytes {
  const own = value(fd, `${OVERLAY_SPACES[0]}redirect`)
  return own === '' && trustUser ? value(fd, `${OVERLAY_SPACES[1]}redirect`) : own
}

const LIST_MAX = 65536
const listBuffer = Buffer.alloc(LIST_MAX)
const valueBuffer = Buffer.alloc(4096)

function value(dirfd: number, key: string): Bytes {
  const rc = sys.getxattr(dirfd, '', key, valueBuffer)
  if (rc < 0 && !ABSENT.has(rc)) throw new Errno(-rc, 'getxattr', key)
  return rc < 0 ? '' : valueBuffer.toString('latin1', 0, rc)
}

/**
 * The marks of an open directory: one listxattr(2), and a look at those that are there.
 * @param trustUser whether `user.overlay.redirect`, which the owner of the directory can set, may be followed
 * @param ownRedirect our own attribute of this kind
 * @throws Errno EIO, ENOMEM, ...
 */
export function readMarks(dirfd: number, trustUser: boolean, ownRedirect = ''): DirMarks {
  const length = sys.listxattr(dirfd, '', listBuffer)
  if (length < 0 && !ABSENT.has(length)) throw new Errno(-length, 'listxattr', '')
  if (length <= 0) return NO_MARKS
  const marks = { opaque: false, fileWhiteouts: false, redirect: '', overlaid: false }
  for (const key of listBuffer.toString('latin1', 0, length - 1).split('\0')) {
    if (key === ownRedirect) marks.redirect = `/${value(dirfd, key)}`
    else if (key === 'user.fuseoverlayfs.opaque') marks.opaque ||= value(dirfd, key) === 'y'
    else if (key.startsWith(OVERLAY_SPACES[0])) readOne(marks, dirfd, key, key.slice(OVERLAY_SPACES[0].length), true)
    else if (key.startsWith(OVERLAY_SPACES[1])) readOne(marks, dirfd, key, key.slice(OVERLAY_SPACES[1].length), trustUser)
  }
  return marks
}

function readOne(marks: { -readonly [K in keyof DirMarks]: DirMarks[K] }, dirfd: number, key: Bytes, what: string, trusted: boolean): void {
  if (what.startsWith('tsaufs.')) return
  marks.overlaid = true
  if (what === 'opaque') {
    const mark = value(dirfd, key)
    marks.opaque ||= mark === 'y'
    marks.fileWhiteouts ||= mark === 'x'
  } else if (what === 'redirect' && trusted && marks.redirect === '') {
    marks.redirect = value(dirfd, key)
  }
}

/**
 * Does a character device 0:0 lie anywhere in the open directory or below it? Reads the whole tree.
 * @throws Errno of a directory that cannot be read
 */
export function holdsWhiteoutDevice(dirfd: number): boolean {
  const raw = sys.readdir(dirfd)
  if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', '')
  const { names, types } = raw
  if (names.some((name, i) => types[i] === S_IFCHR >> 12 && sys.statx(dirfd, name) === 0 && st.rdev === 0)) return true
  return names.some((name, i) => {
    if (types[i] !== S_IFDIR >> 12) return false
    const fd = sys.openBeneath(dirfd, name, O_PATH_DIR)
    if (fd === -E.ENOENT || fd === -E.EXDEV) return false
    if (fd < 0) throw new Errno(-fd, 'openat2', name)
    try {
      return holdsWhiteoutDevice(fd)
    } finally {
      sys.close(fd)
    }
  })
}

/**
 * Set one of overlayfs's attributes on an open directory, in the space we may write.
 * @returns 0 or -errno
 */
export function setMark(dirfd: number, key: string, mark: Bytes): number {
  const bytes = Buffer.from(mark, 'latin1')
  const rc = sys.setxattr(dirfd, '', OVERLAY_SPACES[0] + key, bytes, 0)
  return rc === -E.EPERM ? sys.setxattr(dirfd, '', OVERLAY_SPACES[1] + key, bytes, 0) : rc
}

export const overlay: WhiteoutFormat = {
  ...aufs,
  name: 'overlay',
  nameMax: NAME_MAX,
  inPlace: true,
  writesInPlace: true,
  attributes: true,
  // Ours while mounted, or after a crash; any other such name could not be reached through the union.
  classify: name => aufs.classify(name) === 'entry' ? 'entry' : 'reserved',
  hidesBeside: () => false,
  hasOpaqueEntry: () => false,
  setOpaque: dirfd => setMark(dirfd, 'opaque', 'y'),
  clearOpaque: dirfd => { for (const space of OVERLAY_SPACES) sys.removexattr(dirfd, '', `${space}opaque`) },
  create(dirfd, name) {
    const rc = sys.mknodat(dirfd, name, S_IFCHR, 0)
    return rc === -E.EEXIST && isDevice(dirfd, name) ? 0 : rc
  },
  remove: (dirfd, name) => isDevice(dirfd, name) ? sys.unlinkat(dirfd, name, 0) : -E.ENOENT,
}

function isDevice(dirfd: number, name: Bytes): boolean {
  return sys.statx(dirfd, name) === 0 && st.kind === S_IFCHR && st.rdev === 0
}

/** Remove the whiteouts from an open directory that has become opaque: overlayfs would list them as devices. */
export function purgeWhiteouts(dirfd: number): void {
  const raw = sys.readdir(dirfd)
  if (typeof raw === 'number') return
  raw.names.forEach((name, i) => { if (raw.types[i] === S_IFCHR >> 12) overlay.remove(dirfd, name) })
}
