/** What a branch holds that another format cannot say: found before anything is changed. */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { S_IFCHR, S_IFDIR, S_IFREG, st } from '../os/stat.js'
import type { Branch } from '../union/branch.js'
import { join } from '../union/redirect.js'
import { aufs } from '../union/whiteout/aufs.js'
import { isMetacopy } from '../union/whiteout/overlay.js'
import type { Target } from './translate.js'

const O_PATH = sys.constants['O_PATH']! | sys.constants['O_NOFOLLOW']!
const O_PATH_DIR = O_PATH | sys.constants['O_DIRECTORY']!

/** What matters of a branch. */
export interface Census {
  /** Renamed directories. */
  redirects: number
  /** Copied-up files with names that lie only below, perhaps. */
  groups: number
}

/** @throws Errno with the path: EINVAL, ENAMETOOLONG, EOPNOTSUPP (metacopy) for what cannot be converted; EIO, ... */
export function checkConvertible(branch: Branch, to: Target): Census {
  const census: Census = { redirects: 0, groups: 0 }
  const links = branch.linkDir()
  const raw = links < 0 ? 0 : sys.readdir(links)
  if (typeof raw !== 'number') census.groups = raw.names.length
  visit(branch, to, branch.fd, '', census)
  return census
}

function visit(branch: Branch, to: Target, dirfd: number, path: Bytes, census: Census): void {
  const raw = sys.readdir(dirfd)
  if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', path)
  if (branch.readMarks(dirfd).redirect !== '') census.redirects++
  raw.names.forEach((name, i) => {
    const full = join(path, name)
    const what = branch.format.classify(name)
    const type = raw.types[i]! << 12
    if (type === S_IFDIR && what === 'entry') {
      const fd = sys.openBeneath(dirfd, name, O_PATH_DIR)
      if (fd < 0) throw new Errno(-fd, 'openat2', full)
      try {
        visit(branch, to, fd, full, census)
      } finally {
        sys.close(fd)
      }
    } else {
      checkFile(branch, to, dirfd, name, full, type)
    }
  })
}

function checkFile(branch: Branch, to: Target, dirfd: number, name: Bytes, full: Bytes, type: number): void {
  if (branch.format.writesInPlace) {
    // In overlayfs's form such a name is a user's, in the others it is not.
    if (aufs.classify(name) === 'whiteout') throw new Errno(E.EINVAL, 'reserved name', full)
    if (to !== 'overlay' && name.length > aufs.nameMax && type === S_IFCHR) throw new Errno(E.ENAMETOOLONG, 'whiteout', full)
  }
  if (to === 'overlay' && type === S_IFCHR && !branch.inPlace && sys.statx(dirfd, name) === 0 && st.rdev === 0) {
    throw new Errno(E.EINVAL, 'device 0:0', full)
  }
  if (type !== S_IFREG || !branch.format.attributes || to === 'overlay') return
  const fd = sys.openat(dirfd, name, O_PATH, 0)
  if (fd < 0) throw new Errno(-fd, 'open', full)
  const empty = isMetacopy(fd)
  sys.close(fd)
  if (empty) throw new Errno(E.EOPNOTSUPP, 'metacopy', full)
}
