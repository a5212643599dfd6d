/**
 * Taking a mount away. Not for a mount this process serves: umount(2) waits until the server has written what is dirty.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, errnoName } from '../os/errno.js'
import { mountAt } from './mountinfo.js'

const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8

/**
 * umount(2) of what is seen at `path`; where that is not allowed, `fusermount3 -u`, which says on stderr why it refuses.
 * @param lazy detach now, end when the last user is gone
 * @returns '' or the errno name: EBUSY in use, EPERM not ours, EINVAL no mount, ENOENT no path
 */
export function unmount(path: Bytes, lazy: boolean): string {
  const direct = sys.umount(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0))
  if (direct >= 0) return ''
  if (direct !== -E.EPERM) return errnoName(-direct)
  const before = mountAt(path)
  if (before === undefined) return 'EINVAL'
  const rc = sys.fusermount(['fusermount3', '-u', ...(lazy ? ['-z'] : []), '--', path])
  if (mountAt(path)?.id !== before.id) return ''
  return rc === -E.ENOENT ? 'ENOENT' : 'EBUSY'
}
