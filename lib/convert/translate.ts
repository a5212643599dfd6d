/**
 * A branch's marks from whatever form they have into one. For each: the new mark first, then the old one goes; in between
 * both say the same.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFCHR, S_IFDIR } from '../os/stat.js'
import type { Branch } from '../union/branch.js'
import { keepTimes, xattrNames } from '../union/copy-meta.js'
import { join } from '../union/redirect.js'
import { removeTree } from '../union/remove.js'
import { isBookkeeping } from '../union/whiteout/aufs.js'
import { formats } from '../union/whiteout/formats.js'
import { purgeWhiteouts, setMark } from '../union/whiteout/overlay.js'
import { convertedKey, isMark, xattrKeys } from '../union/xattr-keys.js'

export type Target = 'aufs' | 'overlay' | 'oci'

/** What was changed. */
export interface Tally {
  whiteouts: number
  opaque: number
  redirects: number
  /** Redirects written out. */
  expanded: number
  /** Other attributes that were renamed, or mean nothing in the new form and were removed. */
  attributes: number
}

const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!
const value = Buffer.alloc(65536)

/** Translate all marks of a branch. @throws Errno with the path, EIO, ENOSPC, ...: run it again */
export function translate(branch: Branch, to: Target): Tally {
  const tally: Tally = { whiteouts: 0, opaque: 0, redirects: 0, expanded: 0, attributes: 0 }
  visit(branch, to, branch.fd, '', '', tally)
  return tally
}

/** @param lower path of the directory's part in the union of the branches below */
function visit(branch: Branch, to: Target, dirfd: number, path: Bytes, lower: Bytes, tally: Tally): void {
  const restore = keepTimes(dirfd)
  const marks = branch.readMarks(dirfd)
  const goesOn = marks.redirect === '' ? lower : marks.redirect.startsWith('/') ? marks.redirect.slice(1) : join(parentOf(lower), marks.redirect)
  const raw = sys.readdir(dirfd)
  if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', path)
  whiteouts(branch, to, dirfd, raw.names, raw.types, tally)
  if (path !== '') directoryMarks(branch, to, dirfd, goesOn, marks.redirect !== '', tally)
  attributes(to, dirfd, '', tally)
  raw.names.forEach((name, i) => {
    if (branch.format.classify(name) !== 'entry' || sys.statx(dirfd, name) < 0) return
    if (raw.types[i] !== S_IFDIR >> 12) {
      attributes(to, dirfd, name, tally)
      return
    }
    const fd = sys.openBeneath(dirfd, name, O_PATH_DIR)
    if (fd < 0) throw new Errno(-fd, 'openat2', join(path, name))
    try {
      visit(branch, to, fd, join(path, name), join(goesOn, name), tally)
    } finally {
      sys.close(fd)
    }
  })
  restore()
}

const parentOf = (path: Bytes): Bytes => path.slice(0, Math.max(0, path.lastIndexOf('/')))

function whiteouts(branch: Branch, to: Target, dirfd: number, names: readonly Bytes[], types: Uint8Array, tally: Tally): void {
  const target = formats[to === 'overlay' ? 'overlay' : 'aufs']
  const present = new Set(names)
  names.forEach((name, i) => {
    const what = branch.format.classify(name)
    if (what === 'whiteout' && target.writesInPlace) {
      const hidden = branch.format.hidden(name)
      if (present.has(hidden)) endMerge(branch, dirfd, hidden)
      else must(target.create(dirfd, hidden, -1), 'whiteout', hidden)
      must(sys.unlinkat(dirfd, name, 0), 'unlinkat', name)
      tally.whiteouts++
    } else if (what === 'entry' && branch.inPlace && branch.mayBeWhiteout(types[i]!) && branch.hidesInPlace(dirfd, name)) {
      if (target.writesInPlace) return
      must(target.create(dirfd, name, -1), 'whiteout', name)
      must(sys.unlinkat(dirfd, name, 0), 'unlinkat', name)
      tally.whiteouts++
    } else if (what === 'whiteout' && types[i] === DEVICE) {
      // fuse-overlayfs makes one of these in an opaque directory; aufs takes them for damage.
      must(sys.unlinkat(dirfd, name, 0), 'unlinkat', name)
      if (!target.hasOpaqueEntry(dirfd)) must(target.create(dirfd, branch.format.hidden(name), -1), 'whiteout', name)
    } else if (what === 'reserved' && to !== 'aufs' && isBookkeeping(name)) {
      removeTree(dirfd, name)
    }
  })
}

const DEVICE = S_IFCHR >> 12

/** An entry beside its own whiteout: the merge of a directory ends with it. */
function endMerge(branch: Branch, dirfd: number, name: Bytes): void {
  const fd = sys.openBeneath(dirfd, name, O_PATH_DIR)
  if (fd === -E.ENOTDIR || fd === -E.ELOOP) return
  if (fd < 0) throw new Errno(-fd, 'openat2', name)
  try {
    if (branch.readMarks(fd).redirect === '') must(setMark(fd, 'opaque', 'y'), 'opaque', name)
  } finally {
    sys.close(fd)
  }
}

function directoryMarks(branch: Branch, to: Target, dirfd: number, lower: Bytes, redirected: boolean, tally: Tally): void {
  const target = formats[to === 'overlay' ? 'overlay' : 'aufs']
  if (branch.isOpaque(dirfd)) {
    const others = target.writesInPlace ? branch.format.hasOpaqueEntry(dirfd) : !target.hasOpaqueEntry(dirfd)
    must(target.setOpaque(dirfd), 'opaque', '')
    if (target.writesInPlace) {
      formats.aufs.clearOpaque(dirfd)
      purgeWhiteouts(dirfd)
    }
    if (others) tally.opaque++
  } else if (redirected && to !== 'oci') {
    const own = xattrKeys(false).redirect
    const others = xattrNames({ dirfd, name: '' }).includes(own) === target.writesInPlace
    if (to === 'overlay') must(setMark(dirfd, 'redirect', `/${lower}`), 'redirect', '')
    else must(sys.setxattr(dirfd, '', own, Buffer.from(lower, 'latin1'), 0), 'redirect', '')
    if (others) tally.redirects++
  }
}

/** Attributes that mean something in the other form get its name; the rest of the old form's go. */
function attributes(to: Target, dirfd: number, name: Bytes, tally: Tally): void {
  for (const key of xattrNames({ dirfd, name })) {
    if (!isMark(key)) continue
    const kept = convertedKey(key, to)
    if (kept === key) continue
    if (kept !== '') {
      const length = must(sys.getxattr(dirfd, name, key, value), 'getxattr', key)
      must(sys.setxattr(dirfd, name, kept, value.subarray(0, length), 0), 'setxattr', kept)
    }
    must(sys.removexattr(dirfd, name, key), 'removexattr', key)
    tally.attributes++
  }
}
