/**
 * The helper process with which a daemon ends its own mount: it may not call umount(2) itself, which waits for the daemon.
 * Argument: the mount's device `major:minor`, digits only, so that argv can carry it whatever the path is made of.
 * Tries the ordinary way first; when the mount is in use it flushes what is dirty and detaches. Exit code 0 when it is gone.
 */
import { sys } from '../os/native.js'
import { readMountinfo } from './mountinfo.js'
import { unmount } from './unmount.js'

const AT_FDCWD = -100

function main(dev: string | undefined): number {
  const mount = readMountinfo().findLast((m) => m.dev === dev)
  if (mount === undefined || unmount(mount.mountpoint, false) === '') return 0
  const fd = sys.openat(AT_FDCWD, mount.mountpoint, sys.constants['O_RDONLY']! | sys.constants['O_DIRECTORY']!, 0)
  if (fd >= 0) {
    sys.syncfs(fd)
    sys.close(fd)
  }
  return unmount(mount.mountpoint, true) === '' ? 0 : 1
}

process.exitCode = main(process.argv[2])
