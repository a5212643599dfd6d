/**
 * Ending a mount from another process, for the command line.
 */
import type { Bytes } from '../os/native.js'
import { MountError } from '../config/mount-error.js'
import { watchEnd } from './client.js'
import { FUSE_TYPE, mountAt, mountPlace, stillMounted } from './mountinfo.js'
import { findMount } from './rundir.js'
import { unmount } from './unmount.js'

/** A daemon that has not ended this long after its unmount is hung in something. */
const END_TIMEOUT_MS = 30_000
/** After a lazy unmount: long enough for an unused mount's daemon to end, short enough not to wait for a used one. */
const LAZY_TIMEOUT_MS = 200

const ADVICE: Readonly<Record<string, string>> = {
  EBUSY: "a process works there (fuser -vm shows which); end it, or use --lazy",
  EPERM: 'it belongs to somebody else; do it as its owner or root',
  EINVAL: 'nothing is mounted there',
  ENOENT: 'fusermount3 is missing; install the package fuse3',
}

/**
 * Unmount what is seen at `path` and wait for its daemon to end; not for one whose union is also mounted elsewhere.
 * @param report gets a sentence about such a place
 * @throws MountError when it is no mount of ours, or busy, or not ours to unmount
 */
export async function unmountUnion(path: Bytes, cwd: Bytes, lazy: boolean, report: (line: string) => void): Promise<void> {
  const tried = `umount ${path}`
  const place = mountPlace(path, cwd)
  const entry = mountAt(place)
  if (entry === undefined) throw new MountError(tried, 'EINVAL', "nothing is mounted there; 'tsaufs list' shows what is")
  if (entry.type !== FUSE_TYPE) throw new MountError(tried, 'EINVAL', `it is no union but ${entry.type}; use umount`)
  const record = findMount(entry.dev)
  const watch = record === undefined ? undefined : await watchEnd(record)
  const failed = unmount(place, lazy)
  if (failed !== '') {
    watch?.cancel()
    throw new MountError(tried, failed, ADVICE[failed] ?? 'the kernel refused it')
  }
  const other = lazy ? undefined : stillMounted(entry.dev)
  if (other !== undefined) {
    watch?.cancel()
    const whose = other.pid === 0 ? '' : `, in the mount namespace of process ${other.pid}`
    report(`${tried}: the union is still mounted on ${other.mountpoint}${whose}; its daemon serves on`)
    return
  }
  const ended = await watch?.ended(lazy ? LAZY_TIMEOUT_MS : END_TIMEOUT_MS)
  if (ended === false && !lazy) {
    throw new MountError(tried, 'ETIMEDOUT', `it is unmounted, but its daemon ${record?.pid} does not end`)
  }
}
