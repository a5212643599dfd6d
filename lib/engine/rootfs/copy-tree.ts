/**
 * Copying between two directories, entry by entry: what is a link is copied as a link, and nothing is followed on either side.
 */
import { E, Errno, must } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, st, takeMeta, type Meta } from '../../os/stat.js'
import { readLink } from './inside.js'

const C = sys.constants
const DIR = C['O_RDONLY']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!
const UMASK = 0o077
const PATH_MAX = 4096
/** Source: xattr(7). */
const XATTR_MAX = 64 << 10

/** How to copy. */
export interface CopyOptions {
  /** Owners and set-id bits as they are; else the copies are ours, without these bits. */
  readonly archive: boolean
  /** Extended attributes, too. */
  readonly xattrs?: boolean
  /** Owners as they are kept; undefined for those that are kept as they are. */
  readonly ids?: IdShift
}

/** Who makes copies: file systems of a user namespace take nothing from those they do not know. */
export function makerOf({ ids }: Pick<CopyOptions, 'ids'>): { readonly uid: number, readonly gid: number } {
  return ids?.owner ?? { uid: process.geteuid!(), gid: process.getegid!() }
}

/** Between a container in a user namespace and the host: copies get these owners. */
export interface IdShift {
  readonly uid: (id: number) => number
  readonly gid: (id: number) => number
  /** Who owns what is not kept. */
  readonly owner?: { readonly uid: number, readonly gid: number }
}

/**
 * Copy the entry `(from, name)` to `(to, newName)`; a directory that is there already is merged into, anything else is replaced.
 * `''` is the directory itself.
 * @param path of the source, for messages
 * @throws Errno; EISDIR, ENOTDIR when a directory would replace something else or the other way round
 */
export function copyEntry(from: number, name: Bytes, to: number, newName: Bytes, path: Bytes, options: CopyOptions): void {
  must(sys.statx(from, name), 'stat', path)
  const { kind } = st
  const meta = takeMeta()
  if (kind === S_IFDIR) return copyDirectory(from, name, to, newName, path, meta, options)
  const there = kindOf(to, newName, path)
  const { uid, gid } = makerOf(options)
  if (there === S_IFDIR) throw new Errno(E.EISDIR, 'copy', path)
  if (there !== undefined) must(sys.unlinkat(to, newName, 0), 'unlink', path)
  if (kind === S_IFREG) copyFile(from, name, to, newName, path, meta, options)
  else if (kind === S_IFLNK) must(sys.symlinkAs(readLink(from, name, path), to, newName, uid, gid), 'symlink', path)
  else if (kind === S_IFIFO || kind === S_IFCHR || kind === S_IFBLK) must(sys.mknodAs(to, newName, meta.mode, meta.rdev, uid, gid, UMASK), 'mknod', path)
  // A socket without the process that listens on it is nothing.
  else return
  setMeta(to, newName, meta, path, options)
  // Last: chown(2) takes file capabilities away.
  if (options.xattrs === true) copyXattrs(from, name, to, newName, path)
}

/** Owner, mode, times and attributes of an entry for another that is there. */
export function copyMeta(from: number, name: Bytes, to: number, newName: Bytes, path: Bytes, options: CopyOptions): void {
  must(sys.statx(from, name), 'stat', path)
  const meta = takeMeta()
  setMeta(to, newName, meta, path, options)
  if (options.xattrs === true) copyXattrs(from, name, to, newName, path)
}

/** Where the target has none, it goes without. */
function copyXattrs(from: number, name: Bytes, to: number, newName: Bytes, path: Bytes): void {
  const keys = Buffer.alloc(XATTR_MAX)
  const length = sys.listxattr(from, name, keys)
  if (length <= 0) return
  for (const key of keys.toString('latin1', 0, length).split('\0')) {
    if (key === '') continue
    const value = Buffer.alloc(XATTR_MAX)
    const size = sys.getxattr(from, name, key, value)
    if (size < 0) continue
    const rc = sys.setxattr(to, newName, key, value.subarray(0, size), 0)
    if (rc !== -E.EOPNOTSUPP && rc !== -E.EPERM) must(rc, 'setxattr', path)
  }
}

function kindOf(dirfd: number, name: Bytes, path: Bytes): number | undefined {
  const rc = sys.statx(dirfd, name)
  if (rc === -E.ENOENT) return undefined
  must(rc, 'stat', path)
  return st.kind
}

function copyFile(from: number, name: Bytes, to: number, newName: Bytes, path: Bytes, meta: Meta, options: CopyOptions): void {
  // It may have become a fifo meanwhile.
  const source = must(sys.openat(from, name, C['O_RDONLY']! | C['O_NONBLOCK']!, 0), 'open', path)
  try {
    must(sys.statx(source, ''), 'stat', path)
    if (st.kind !== S_IFREG) throw new Errno(E.ESTALE, 'open', path)
    const { uid, gid } = makerOf(options)
    const copy = must(sys.createAs(to, newName, C['O_WRONLY']!, 0o600, uid, gid, UMASK), 'create', path)
    try {
      must(sys.copyData(source, copy, meta.size), 'write', path)
    } finally {
      sys.close(copy)
    }
  } finally {
    sys.close(source)
  }
}

function copyDirectory(from: number, name: Bytes, to: number, newName: Bytes, path: Bytes, meta: Meta, options: CopyOptions): void {
  // Deeper than a path is long: a container can do that, and would have our stack.
  if (path.length >= PATH_MAX) throw new Errno(E.ENAMETOOLONG, 'open', `${path.slice(0, 64)}...`)
  const there = newName === '' ? S_IFDIR : kindOf(to, newName, path)
  const { uid, gid } = makerOf(options)
  if (there === undefined) must(sys.mkdirAs(to, newName, 0o700, uid, gid, UMASK), 'mkdir', path)
  else if (there !== S_IFDIR) throw new Errno(E.ENOTDIR, 'copy', path)
  const source = open(from, name, path)
  try {
    const copy = open(to, newName, path)
    try {
      const list = sys.readdir(source)
      if (typeof list === 'number') throw new Errno(-list, 'readdir', path)
      for (const each of list.names) copyEntry(source, each, copy, each, `${path}/${each}`, options)
      if (there === undefined) {
        if (options.xattrs === true) copyXattrs(source, '', copy, '', path)
        setMeta(copy, '', meta, path, options)
      }
    } finally {
      sys.close(copy)
    }
  } finally {
    sys.close(source)
  }
}

function open(dirfd: number, name: Bytes, path: Bytes): number {
  return must(name === '' ? sys.openat(dirfd, '.', DIR, 0) : sys.openat(dirfd, name, DIR, 0), 'open', path)
}

/** Owner before mode: chown(2) takes set-id bits away. */
function setMeta(dirfd: number, name: Bytes, meta: Meta, path: Bytes, { archive, ids }: CopyOptions): void {
  const owner = !archive ? ids?.owner : ids === undefined ? meta : { uid: ids.uid(meta.uid), gid: ids.gid(meta.gid) }
  if (owner !== undefined) must(sys.chown(dirfd, name, owner.uid, owner.gid), 'chown', path)
  const kind = meta.mode & 0o170000
  // A device that a container has made for all must not be one for all users of the host.
  const allowed = archive ? 0o7777 : kind === S_IFCHR || kind === S_IFBLK ? 0o600 : 0o1777
  if (kind !== S_IFLNK) must(sys.chmod(dirfd, name, meta.mode & allowed), 'chmod', path)
  must(sys.utimens(dirfd, name, meta.atime, meta.atimeNsec, meta.mtime, meta.mtimeNsec), 'utimens', path)
}
