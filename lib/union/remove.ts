/**
 * Taking names away: what would show through, whiting out, clearing a directory that holds only whiteouts.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { groupCount } from './attr.js'
import type { Branch } from './branch.js'
import { ensureDir } from './copy-up.js'
import { groupName, NO_PLAN, planCount, readCount, type Plan } from './link-group.js'
import { closeFound, probe, viewOf } from './lookup.js'
import type { DirNode, Node } from './node.js'
import { dirfd, entryPath, place, type Place } from './place.js'
import { copyTarget } from './reach.js'
import type { Named } from './rename.js'
import type { Union } from './union.js'

const C = sys.constants
const RENAME_EXCHANGE = C['RENAME_EXCHANGE']!
const AT_REMOVEDIR = C['AT_REMOVEDIR']!
const O_PATH_NOFOLLOW = C['O_PATH']! | C['O_NOFOLLOW']!
const O_PATH_DIR = O_PATH_NOFOLLOW | C['O_DIRECTORY']!

/** Would `name` show through from below branch `branch`, if it were not there on `branch` and above? */
export function visibleBelow(union: Union, dir: DirNode, name: Bytes, branch: number): boolean {
  const last = dir.branches[dir.branches.length - 1]!
  if (last <= branch) return false
  const listed = isKeptUp(dir) ? dir.listing!.showsBelow(name, branch) : undefined
  if (listed !== undefined) return listed
  const found = probe(union, viewOf(union, dir), name, branch + 1)
  if (found === null) return false
  closeFound(found)
  return true
}

/** Has the directory a list that says all there is to know of it? */
function isKeptUp(dir: DirNode): boolean {
  return dir.listing?.exact === true
}

/**
 * The branch on which the name of `node` is taken away: its own if writable, else where its copy would go.
 * @throws Errno EROFS; EPERM if the object is immutable or append-only
 */
export function removalBranch(union: Union, dir: DirNode, node: Node): number {
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', at.name)
  if (st.frozen) throw new Errno(E.EPERM, 'unlink', node.name)
  if (union.branches[node.top]!.writable) return node.top
  return copyTarget(union, dir, node.top)
}

/** Does `name` itself lie on this branch (and not only in the link directory)? @throws Errno when that cannot be said */
export function liesOn(union: Union, dir: DirNode, name: Bytes, branch: number): boolean {
  if (!dir.branches.includes(branch)) return false
  const entry = isKeptUp(dir) ? dir.listing!.get(name) : undefined
  if (entry !== undefined && entry.branch > branch) return false
  const rc = sys.statx(dirfd(union, dir, branch), name)
  if (rc < 0 && rc !== -E.ENOENT && rc !== -E.ENAMETOOLONG) throw new Errno(-rc, 'statx', name)
  return rc === 0 && !(union.branches[branch]!.inPlace && union.branches[branch]!.isWhiteout(dirfd(union, dir, branch), name))
}

/**
 * Hide `name` below `branch`; the directory is copied up if need be.
 * @throws Errno ENAMETOOLONG for a name without room for a whiteout
 */
export function whiteOut(union: Union, dir: DirNode, name: Bytes, branch: Branch): void {
  if (name.length > branch.format.nameMax && !branch.whitesOver(name)) throw new Errno(E.ENAMETOOLONG, 'whiteout', name)
  ensureDir(union, dir, branch.index)
  dir.listing?.whited(branch.index)
  must(branch.whiteOut(dirfd(union, dir, branch.index), name), 'whiteout', name)
}

/**
 * Take away the whiteout that a new entry replaces. An entry beside its own whiteout counts, and ends the merge as the
 * whiteout did: one that cannot be removed is no reason to fail, and no failure could undo the entry as well.
 * @returns whether there certainly was none
 */
export function unwhite(union: Union, dir: DirNode, name: Bytes, branch: Branch): boolean {
  // In its place it is gone already, with what took the place.
  return branch.whitesOver(name) || branch.format.remove(dirfd(union, dir, branch.index), name) === -E.ENOENT
}

/**
 * Put `made`, in the same directory, into the place of the whiteout `name`, in one step.
 * @throws Errno; nothing has changed then
 */
export function replaceWhiteout(dirfd: number, made: Bytes, name: Bytes, isDir: boolean): void {
  must(sys.renameat2(dirfd, made, dirfd, name, isDir ? RENAME_EXCHANGE : 0), 'renameat2', name)
  if (isDir) sys.unlinkat(dirfd, made, 0)
}

/** May branch `branch` hold whiteouts that matter in this directory? Only where something lies below. */
export function mayHoldWhiteouts(dir: DirNode, branch: number): boolean {
  if (dir.branches[dir.branches.length - 1]! <= branch) return false
  return !isKeptUp(dir) || dir.listing!.mayHoldWhiteouts(branch)
}

/**
 * An open file on what is about to lose its name, so that open files and working directories go on.
 * @throws Errno EMFILE, ENFILE
 */
export function holdOpen(union: Union, node: Node): number {
  if (node.fd >= 0) return -1
  const at: Place = place(union, node)
  if (at.name === '') return must(sys.openat(at.dirfd, '.', O_PATH_DIR, 0), 'open', node.name)
  return must(sys.openat(at.dirfd, at.name, O_PATH_NOFOLLOW, 0), 'open', at.name)
}

/**
 * Prepare that a link group has one name less: `dir/name`.
 * @throws Errno ENOSPC, EIO, ...
 */
export function planUncount(union: Union, { node, dir, name }: Named, to: number): Plan {
  if (node.group === '' || (!node.indexed && union.branches[node.top]!.writable)) return NO_PLAN
  const branch = union.branches[node.indexed ? node.top : to]!
  let count = node.indexed ? readCount(branch, node.group) : groupCount(union, node)
  if (count < 0) {
    const at = place(union, node)
    must(sys.statx(at.dirfd, at.name), 'statx', at.name)
    count = st.nlink
  }
  const plan = planCount(branch, node.group, Math.max(0, count - 1), '-', entryPath(union, dir, name, branch.index))
  if (plan.count > 0) return plan
  return {
    ...plan,
    commit: () => {
      plan.commit()
      union.tree.leaveGroup(node)
    },
  }
}

/** Prepare that a counted link group has one name more: `dir/name`. @throws Errno ENOSPC, EIO, ... */
export function planRecount(union: Union, { node, dir, name }: Named): Plan {
  if (!node.indexed) return NO_PLAN
  const branch = union.branches[node.top]!
  const count = readCount(branch, node.group)
  return count < 0 ? NO_PLAN : planCount(branch, node.group, count + 1, '+', entryPath(union, dir, name, branch.index))
}

/** Undo the removal of a name of a copied-up link group: the link directory has the same file. */
export function relink(union: Union, node: Node, dir: DirNode, name: Bytes, branch: Branch): void {
  if (node.indexed) sys.linkat(branch.linkDir(), groupName(node.group), dirfd(union, dir, branch.index), name)
}

/**
 * Remove a logically empty directory from a branch. One that still holds whiteouts is first moved to the work directory
 * in one step, so nobody ever sees it half cleared; a crash leaves it there for the next mount.
 * @param leave whether that step is to leave a whiteout in its place, in overlayfs's form
 */
export function removeDir(branch: Branch, at: Place, leave: boolean): void {
  const rc = leave ? -E.ENOTEMPTY : sys.unlinkat(at.dirfd, at.name, AT_REMOVEDIR)
  if (rc !== -E.ENOTEMPTY && rc !== -E.EEXIST) {
    must(rc, 'rmdir', at.name)
    return
  }
  try {
    const work = branch.work()
    const name = branch.temp()
    must(sys.renameat2(at.dirfd, at.name, work, name, leave ? C['RENAME_WHITEOUT']! : 0), 'renameat2', at.name)
    removeTree(work, name)
  } finally {
    branch.endWork()
  }
}

/**
 * Remove a file or a whole tree of our own making; what cannot be removed is left for the repair at the next mount.
 * @returns 0 or the last -errno
 */
export function removeTree(dirfd: number, name: Bytes): number {
  const rc = sys.unlinkat(dirfd, name, 0)
  if (rc !== -E.EISDIR && rc !== -E.EPERM) return rc
  const fd = sys.openBeneath(dirfd, name, O_PATH_DIR)
  if (fd < 0) return fd
  const raw = sys.readdir(fd)
  if (typeof raw !== 'number') for (const child of raw.names) removeTree(fd, child)
  sys.close(fd)
  return sys.unlinkat(dirfd, name, AT_REMOVEDIR)
}
