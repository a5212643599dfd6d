/**
 * Everything of an object but its data: owner, mode, times, extended attributes.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFLNK, S_IFMT, takeMeta, type Meta } from '../os/stat.js'
import type { Branch } from './branch.js'
import type { Place } from './place.js'
import { plainKey, storedKey } from './stored-stat.js'
import { isPrivateXattr, xattrClass } from './xattr-keys.js'

const ACL_ACCESS = 'system.posix_acl_access'
const ACL_DEFAULT = 'system.posix_acl_default'
const XATTR_MAX = 65536
/** How removing an ACL fails where there is none, or none can be. */
const NOT_THERE: readonly number[] = [E.ENODATA, E.EOPNOTSUPP, E.EINVAL, E.ENOENT, E.EPERM, E.EACCES]
const listBuffer = Buffer.alloc(XATTR_MAX)
const valueBuffer = Buffer.alloc(XATTR_MAX)

/** Keys of an object's extended attributes; none where the file system has none. @throws Errno */
export function xattrNames(at: Place): Bytes[] {
  const length = sys.listxattr(at.dirfd, at.name, listBuffer)
  if (length === -E.EOPNOTSUPP || length === -E.ENOSYS || length === 0) return []
  must(length, 'listxattr', at.name)
  return listBuffer.toString('latin1', 0, length - 1).split('\0')
}

/** May this failure to set `key` on `branch` be passed over? `icex*`; out of memory and quota never. */
function isIgnored(branch: Branch, key: Bytes, rc: number): boolean {
  return rc !== -E.ENOMEM && rc !== -E.EDQUOT && branch.icex.has(xattrClass(key))
}

/**
 * Copy all extended attributes but ours. What cannot be read is passed over (ENODATA, EOPNOTSUPP, and a capability of
 * an unmapped user, EOVERFLOW); what cannot be set is an error unless the branch says `icex*`.
 */
export function copyXattrs(from: Place, to: Place, branch: Branch): void {
  const keys = xattrNames(from)
  for (const key of keys) {
    if (isPrivateXattr(plainKey(branch, key))) continue
    if (branch.statKey !== '' && (key === ACL_ACCESS || key === ACL_DEFAULT)) continue
    const length = sys.getxattr(from.dirfd, from.name, key, valueBuffer)
    if (length === -E.ENODATA || length === -E.EOPNOTSUPP || length === -E.EOVERFLOW) continue
    must(length, 'getxattr', key)
    const rc = sys.setxattr(to.dirfd, to.name, storedKey(branch, key), valueBuffer.subarray(0, length), 0)
    if (rc < 0 && !isIgnored(branch, key, rc)) throw new Errno(-rc, 'setxattr', key)
  }
  // What a default ACL of the parent gave the new object is not the source's.
  for (const key of xattrNames(to)) {
    if ((key !== ACL_ACCESS && key !== ACL_DEFAULT) || keys.includes(key)) continue
    const rc = sys.removexattr(to.dirfd, to.name, key)
    if (rc < 0 && !NOT_THERE.includes(-rc)) throw new Errno(-rc, 'removexattr', key)
  }
}

/**
 * Give `to` the owner, extended attributes, mode and times of the source, in the order that loses nothing: chown clears
 * the suid bits and the capability, setting an ACL changes the mode, a read-only mode refuses attributes to its own
 * unprivileged owner, and everything changes the times.
 */
export function copyMeta(from: Place, meta: Meta, to: Place, branch: Branch): void {
  must(sys.chown(to.dirfd, to.name, meta.uid, meta.gid), 'fchownat', to.name)
  copyXattrs(from, to, branch)
  if ((meta.mode & S_IFMT) !== S_IFLNK) must(sys.chmod(to.dirfd, to.name, meta.mode & 0o7777), 'fchmodat', to.name)
  must(sys.utimens(to.dirfd, to.name, meta.atime, meta.atimeNsec, meta.mtime, meta.mtimeNsec), 'utimensat', to.name)
}

/**
 * Remember a directory's times before a change of our own that its users must not see.
 * @returns what puts them back @throws Errno when it cannot be looked at
 */
export function keepTimes(fd: number): () => void {
  must(sys.statx(fd, ''), 'statx', '')
  const { atime, atimeNsec, mtime, mtimeNsec } = takeMeta()
  return () => { sys.utimens(fd, '', atime, atimeNsec, mtime, mtimeNsec) }
}
