/**
 * How far the kernel reads ahead of a reader of the mount. A FUSE mount begins with 128 KiB and INIT can only lower that; in
 * sysfs root may raise it. Source: Documentation/ABI/testing/sysfs-class-bdi; process_init_reply() in fs/fuse/inode.c.
 */
import { writeFileSync } from 'node:fs'

/**
 * Beyond this a bigger window gains nothing more (docs/decisions/0007-file-data.md), while each page fault of a mapping
 * reads a window's worth around it.
 */
const READ_AHEAD_KIB = 512

/**
 * Raise the read-ahead of a mount; where that is not allowed it stays as it is.
 * @param dev `major:minor` of the mount, after INIT: that sets it too
 */
export function raiseReadAhead(dev: string): void {
  try {
    writeFileSync(`/sys/class/bdi/${dev}/read_ahead_kb`, String(READ_AHEAD_KIB))
  } catch {
    // Not root, or no writable sysfs (a container): reading is a little slower then.
  }
}
