/**
 * `xattr_permissions=`: owner, mode and device of objects lie in an extended attribute beside the real ones, so that a
 * daemon without privilege can keep any. The addon reads and writes it wherever attributes are asked for or set, once it is
 * told which branches do so (native/addon/stored-stat.h has the format). A branch does if its root has such an attribute; a
 * writable one gets it. Other attributes that need privilege are kept under a prefix then.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import type { Branch } from './branch.js'
import type { Place } from './place.js'
import { readPrivate } from './xattr-keys.js'

const CONTAINERS = 'user.containers.override_stat'
const SECURITY = 'security.fuseoverlayfs.override_stat'
/** What fuse-overlayfs up to 1.10 writes with `xattr_permissions=2`. */
const LEGACY = 'user.fuseoverlayfs.override_stat'
const KEYS = [CONTAINERS, SECURITY, LEGACY] as const
const PREFIX = 'user.containers.override_'
const NOTHING = Buffer.alloc(0)

/**
 * Settle which branches keep attributes so, and prepare the writable ones.
 * @param mode  1: in `security.` attributes, for root; 2: in `user.` attributes; undefined: none does
 * @throws Errno EPERM, EOPNOTSUPP where a writable branch cannot have the attribute
 */
export function storeStats(branches: readonly Branch[], mode: 1 | 2 | undefined): void {
  if (mode === undefined) return
  for (const branch of branches) {
    const found = KEYS.filter(key => readPrivate(branch.fd, '', key, NOTHING) > 0)
    if (found.length === 0 && branch.writable) {
      const key = mode === 1 ? SECURITY : CONTAINERS
      must(sys.statx(branch.fd, ''), 'statx', branch.spec.path)
      const value = `${st.uid}:${st.gid}:${(st.mode & 0o7777).toString(8).padStart(4, '0')}:dir`
      must(sys.setxattr(branch.fd, '', key, Buffer.from(value), 0), `setxattr ${key}`, branch.spec.path)
      found.push(key)
    }
    for (const key of found) must(sys.storedStat(branch.mntId, key), 'storedStat', key)
    branch.statKey = found[0] ?? ''
  }
}

function needsPrivilege(key: Bytes): boolean {
  return key.startsWith('security.') || key.startsWith('trusted.')
}

/** Where a branch keeps the attribute `key`. */
export function storedKey(branch: Branch, key: Bytes): Bytes {
  return branch.statKey.startsWith('user.') && needsPrivilege(key) ? PREFIX + key : key
}

/** The inverse, for a key that a branch has. */
export function plainKey(branch: Branch, key: Bytes): Bytes {
  if (!branch.statKey.startsWith('user.') || !key.startsWith(PREFIX)) return key
  const plain = key.slice(PREFIX.length)
  return needsPrivilege(plain) ? plain : key
}

/** The value of `key`, from where the branch keeps it; else the real one. @returns its length or -errno */
export function readXattr(branch: Branch, { dirfd, name }: Place, key: Bytes, out: Buffer): number {
  const stored = storedKey(branch, key)
  const length = sys.getxattr(dirfd, name, stored, out)
  return length === -E.ENODATA && stored !== key ? sys.getxattr(dirfd, name, key, out) : length
}
