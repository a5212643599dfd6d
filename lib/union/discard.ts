/**
 * Taking away what stands under a reserved name and has no business there. What holds nothing goes; what somebody may
 * want back (a file's only content, a directory with something in it) is moved to `.wh..wh.lost/INO` on the same branch.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, must } from '../os/errno.js'
import { S_IFDIR, S_IFREG, st } from '../os/stat.js'
import type { Branch } from './branch.js'
import { LOST_DIR } from './whiteout/aufs.js'

const C = sys.constants
const AT_REMOVEDIR = C['AT_REMOVEDIR']!
const NOREPLACE = C['RENAME_NOREPLACE']!
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!

/**
 * Remove an object, or set it aside if it holds something.
 * @returns true if it was set aside
 * @throws Errno ENOENT, EPERM of an immutable one, ENOSPC, EIO, ...
 */
export function discard(branch: Branch, dirfd: number, name: Bytes): boolean {
  must(sys.statx(dirfd, name), 'statx', name)
  const { kind } = st
  const holds = kind === S_IFREG && st.size > 0 && st.nlink === 1
  if (!holds) {
    const rc = sys.unlinkat(dirfd, name, kind === S_IFDIR ? AT_REMOVEDIR : 0)
    if (rc !== -E.ENOTEMPTY && rc !== -E.EEXIST) {
      must(rc, 'unlinkat', name)
      return false
    }
    must(sys.statx(dirfd, name), 'statx', name)
  }
  const ino = String(st.inoHigh * 0x100000000 + st.inoLow)
  const lost = openLost(branch)
  try {
    // What had the name of that directory lies in it now.
    if (sys.statx(lost, '') === 0 && isSame(dirfd, name, st.inoLow, st.inoHigh)) return true
    let rc = sys.renameat2(dirfd, name, lost, ino, NOREPLACE)
    for (let i = 1; rc === -E.EEXIST; i++) rc = sys.renameat2(dirfd, name, lost, `${ino}.${i}`, NOREPLACE)
    must(rc, 'renameat2', name)
  } finally {
    sys.close(lost)
  }
  return true
}

function isSame(dirfd: number, name: Bytes, low: number, high: number): boolean {
  return sys.statx(dirfd, name) === 0 && st.inoLow === low && st.inoHigh === high
}

/** The directory for what is set aside; something else of that name becomes the first thing in it. */
function openLost(branch: Branch): number {
  const rc = sys.mkdirat(branch.fd, LOST_DIR, 0o700)
  if (rc !== -E.EEXIST) must(rc, 'mkdirat', LOST_DIR)
  const fd = sys.openBeneath(branch.fd, LOST_DIR, O_PATH_DIR)
  if (fd !== -E.ENOTDIR && fd !== -E.ELOOP) return must(fd, 'openat2', LOST_DIR)
  const made = `${LOST_DIR}.0`
  must(sys.mkdirat(branch.fd, made, 0o700), 'mkdirat', made)
  const lost = must(sys.openBeneath(branch.fd, made, O_PATH_DIR), 'openat2', made)
  must(sys.renameat2(branch.fd, LOST_DIR, lost, '0', 0), 'renameat2', LOST_DIR)
  must(sys.renameat2(branch.fd, made, branch.fd, LOST_DIR, NOREPLACE), 'renameat2', made)
  return lost
}
