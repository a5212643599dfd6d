/**
 * What a crash may leave on a writable branch, and putting it right before we serve:
 *
 *     .wh..wh.work/*            temporaries: removed, with everything in them
 *     .wh..wh.work/swap.N       a directory rename over an emptied directory: finished (rename-dir.ts)
 *     .wh..wh.plnk/*.p          a link group's next number of names: settled (link-group.ts)
 *     x and .wh.x               a create, unlink or rename cut short: x counts. The whiteout goes; a directory x becomes
 *                               opaque first, as the whiteout said that nothing below belongs to it
 *
 *     .wh..wh.NAME.XXXX         a temporary of aufs: removed
 *
 * The branch is walked for the last two kinds: whole if the mark on its root, there from mount to unmount, says that its
 * last user did not end well; else only as far as WALK_MAX entries go, for what others may have left.
 * Source: union-semantics section 5.6; auchk(8).
 */
import { sys, type Bytes } from '../os/native.js'
import { E, must } from '../os/errno.js'
import { S_IFDIR, st } from '../os/stat.js'
import type { Branch } from './branch.js'
import { keepTimes } from './copy-meta.js'
import { discard } from './discard.js'
import { indexEntry, isFitting, settlePlans } from './link-group.js'
import { removeTree } from './remove.js'
import { finishSwap, isSwap } from './swap.js'
import { LINK_DIR, WORK_DIR } from './whiteout/aufs.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!
const mark = Buffer.alloc(16)
/** Entries looked at on a branch without the mark: some hundredths of a second. */
const WALK_MAX = 20_000

/** A walk over a branch: what it has found, and how far it may still go. */
interface Walk {
  readonly branch: Branch
  readonly report: (line: string) => void
  left: number
  repaired: number
}

/** Repair the branch if its last user did not end well, and mark it as in use. @throws Errno EIO, ENOSPC, ...; where its form cannot be written */
export function beginUse(branch: Branch, report: (line: string) => void): void {
  if (branch.format.writesInPlace) branch.tryInPlace()
  clearWork(branch, report)
  settleLinks(branch, report)
  const key = branch.keys.dirty
  const dirty = sys.getxattr(branch.fd, '', key, mark) > 0
  const walk: Walk = { branch, report, left: dirty ? Infinity : WALK_MAX, repaired: 0 }
  repairTree(walk)
  if (dirty) {
    const how = walk.repaired === 0 ? 'nothing to repair' : `${walk.repaired} repaired`
    report(`${branch.spec.path}: was not unmounted cleanly; ${how}`)
  }
  const rc = sys.setxattr(branch.fd, '', key, Buffer.from('y'), 0)
  if (rc < 0 && rc !== -E.EOPNOTSUPP && rc !== -E.EPERM && rc !== -E.EACCES && rc !== -E.ENOSPC) must(rc, 'setxattr', key)
}

/** The branch is left as it should be. */
export function endUse(branch: Branch): void {
  sys.unlinkat(branch.fd, LINK_DIR, C['AT_REMOVEDIR']!) // goes if it is empty
  sys.removexattr(branch.fd, '', branch.keys.dirty)
}

/** Have directories where ours belong; finish noted renames, remove temporaries. */
export function clearWork(branch: Branch, report: (line: string) => void): void {
  for (const name of [WORK_DIR, LINK_DIR]) {
    if (sys.statx(branch.fd, name) < 0 || st.kind === S_IFDIR) continue
    const aside = discard(branch, branch.fd, name)
    report(`${branch.spec.path}: ${name} was no directory; ${aside ? 'set it aside' : 'removed it'}`)
  }
  const work = sys.openBeneath(branch.fd, WORK_DIR, O_PATH_DIR)
  if (work >= 0) {
    const raw = sys.readdir(work)
    const names = typeof raw === 'number' ? [] : raw.names
    for (const name of names) if (isSwap(name)) finishSwap(branch, work, name, report)
    for (const name of names) {
      if (isSwap(name)) continue
      report(`${branch.spec.path}: removed the leftover ${WORK_DIR}/${name}`)
      removeTree(work, name)
    }
    sys.close(work)
    sys.unlinkat(branch.fd, WORK_DIR, C['AT_REMOVEDIR']!)
  }
}

function settleLinks(branch: Branch, report: (line: string) => void): void {
  const links = sys.openBeneath(branch.fd, LINK_DIR, O_PATH_DIR)
  if (links < 0) return
  const raw = sys.readdir(links)
  const names = typeof raw === 'number' ? [] : raw.names
  for (const name of names) {
    const entry = indexEntry(name)
    if (entry === null || sys.statx(links, name) < 0 || isFitting(entry.part)) continue
    discard(branch, links, name)
    report(`${branch.spec.path}: ${LINK_DIR}/${name} was no entry of the link index; took it away`)
  }
  settlePlans(branch, links, names)
  for (const name of names) if (name.startsWith('t')) sys.unlinkat(links, name, 0)
  sys.close(links)
}

/** A directory on the way down, and what is still to be looked at below it. */
interface Level {
  readonly dirfd: number
  readonly path: Bytes
  readonly directories: Bytes[]
}

/**
 * Put right what lies in a branch: names beside their own whiteout, and temporaries. Level by level on a list of its own: who
 * writes a branch can nest directories deeper than the stack is.
 */
function repairTree(walk: Walk): void {
  const { branch } = walk
  const way: Level[] = [{ dirfd: branch.fd, path: '', directories: repairDirectory(walk, branch.fd, '') }]
  for (let level; (level = way.at(-1)) !== undefined;) {
    const name = walk.left > 0 ? level.directories.pop() : undefined
    if (name === undefined) {
      if (way.pop()!.dirfd !== branch.fd) sys.close(level.dirfd)
      continue
    }
    const dirfd = sys.openBeneath(level.dirfd, name, O_PATH_DIR)
    if (dirfd < 0) continue
    const path = `${level.path}${name}/`
    way.push({ dirfd, path, directories: repairDirectory(walk, dirfd, path) })
  }
}

/** Put right what lies in one directory. @returns its directories, the last first */
function repairDirectory(walk: Walk, dirfd: number, path: Bytes): Bytes[] {
  const { branch, report } = walk
  const raw = sys.readdir(dirfd)
  if (typeof raw === 'number') {
    report(`${branch.spec.path}/${path}: cannot be checked`)
    return []
  }
  walk.left -= raw.names.length
  const names = new Set(raw.names)
  const before = walk.repaired
  // Nobody changed this directory as its users see it: it keeps its times.
  const restore = keepTimes(dirfd)
  for (const name of raw.names) {
    const what = branch.format.classify(name)
    if (what === 'reserved' && branch.format.isTemporary(name)) {
      removeTree(dirfd, name)
      report(`${branch.spec.path}: removed the leftover ${path}${name}`)
      walk.repaired++
    } else if (what === 'whiteout' && names.has(branch.format.hidden(name))) {
      finishEntry(branch, dirfd, branch.format.hidden(name))
      report(`${branch.spec.path}: ${path}${branch.format.hidden(name)} was there and whited out; kept it`)
      walk.repaired++
    }
  }
  if (walk.repaired > before) restore()
  return raw.names.filter((name, i) => raw.types[i] === S_IFDIR >> 12 && branch.format.classify(name) === 'entry').reverse()
}

/** An entry beside its own whiteout: the entry counts. What the whiteout hid stays hidden below a directory. */
export function finishEntry(branch: Branch, dirfd: number, name: Bytes): void {
  if (sys.statx(dirfd, name) === 0 && st.kind === S_IFDIR) {
    const fd = sys.openBeneath(dirfd, name, O_PATH_DIR)
    if (fd < 0) return
    const redirected = sys.getxattr(fd, '', branch.keys.redirect, Buffer.alloc(0)) > 0
    const restore = keepTimes(fd)
    if (!redirected && branch.format.setOpaque(fd) >= 0) restore()
    sys.close(fd)
  }
  branch.format.remove(dirfd, name)
}
