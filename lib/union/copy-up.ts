/**
 * Copy-up: give an object of a read-only branch a copy on a writable one. Atomic: the copy is made without a name
 * (O_TMPFILE) or in the work directory, and appears complete. A failure leaves nothing but, perhaps, copied parents.
 * Runs with the daemon's rights and limits, never the caller's. Source: union-semantics section 5.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG, st, takeMeta, type Meta } from '../os/stat.js'
import { groupCount } from './attr.js'
import type { Branch } from './branch.js'
import { awaitMove, copyData, dropData, dropJob } from './copy-data.js'
import { copyMeta, keepTimes } from './copy-meta.js'
import { keepCurrent } from './current.js'
import { groupKey, groupName, writeCount } from './link-group.js'
import type { CopiedData, DirNode, Node } from './node.js'
import { dirfd, place, slot, type Place } from './place.js'
import { complete } from './metacopy.js'
import { isMarked } from './lookup.js'
import { extended } from './recheck.js'
import type { Union } from './union.js'
import { readPrivate } from './xattr-keys.js'
import { writableAtOrAbove } from './policy/policy.js'
import { copyTarget, isWhite } from './reach.js'
import { removeTree } from './remove.js'

const C = sys.constants

/**
 * Have `node` on a writable branch.
 * @param size how many bytes of a regular file's data are wanted; the whole by default
 * @returns what a file or other leaf was when it was copied, and the copy is now; null if nothing, or a directory, was copied
 * @throws Errno EROFS if no branch at or above may be written; EPERM if the source is immutable; ESTALE if it vanished
 *   from its branch; ENOSPC, EIO, EDQUOT, ...
 * @throws Wait while a worker copies the data; nothing has changed then
 */
export function copyUp(union: Union, node: Node, size = Infinity, target = -1): Meta | null {
  keepCurrent(union, node)
  if (union.branches[node.top]!.writable && (target < 0 || node.top === target)) {
    awaitMove(union, node)
    if (union.branches[node.top]!.overlaid) complete(union, node, size)
    return null
  }
  if (node.isDir() && node.parent !== null) {
    ensureDir(union, node, target >= 0 ? target : copyTarget(union, node.parent, node.top))
    return null
  }
  const parent = node.parent
  const to = target >= 0 ? target : parent === null ? topWritable(union, node) : copyTarget(union, parent, node.top)
  return copyTo(union, node, parent, to, size)
}

/**
 * Give `node` a copy on branch `to`, where it is from then on; its old file stays.
 * @param before what is to be done last before the copy appears
 * @pre it would be seen there (reach.ts)
 */
export function copyTo(union: Union, node: Node, parent: DirNode | null, to: number, size: number, before = (): void => {}): Meta {
  const branch = union.branches[to]!
  const from = place(union, node)
  const rc = sys.statx(from.dirfd, from.name)
  if (rc < 0) dropJob(union, node)
  must(rc, 'statx', from.name)
  if (st.frozen) throw new Errno(E.EPERM, 'copy-up', node.name)
  const seen = takeMeta()
  // A copy cut short is the truncation already, for whoever looks before the truncation itself.
  const meta = node.kind === S_IFREG && size < seen.size ? { ...seen, mtimeNsec: C['UTIME_NOW']! } : seen
  if (parent === null) {
    copyNameless(union, node, from, meta, branch, size)
    return meta
  }
  const data = node.kind === S_IFREG ? copyData(union, node, from, meta, branch, size) : null
  let kept = false
  try {
    ensureDir(union, parent, to)
    before()
    install(union, node, from, meta, branch, parent, data, data === null ? 0 : Math.min(size, meta.size))
    // Cut short, it is about to be truncated: an open that failed then would leave it truncated with an error.
    if (data !== null && size !== Infinity) {
      sys.dataSet(node.id, data.fd, 1, 0)
      union.dataUsed()
      kept = true
    }
  } finally {
    if (data !== null && !kept) dropData(branch, data)
    branch.endWork()
  }
  return meta
}

function topWritable(union: Union, node: Node): number {
  const to = writableAtOrAbove(union.branches, node.top - 1)
  if (to < 0) throw new Errno(E.EROFS, 'copy-up', `#${node.id}`)
  return to
}

/**
 * The finished object before it has its name: a file whose data is there, or anything else made in the work directory.
 * @param origin what to store as its origin; '' for none
 */
function makeObject(node: Node, from: Place, meta: Meta, branch: Branch, data: CopiedData | null, origin: string): Place {
  const at = data === null ? { dirfd: branch.work(), name: branch.temp() } : { dirfd: data.fd, name: '' }
  try {
    if (data === null) makeSpecial(node, from, meta, at, branch)
    if (origin !== '') storeXattr(at.dirfd, at.name, branch.keys.origin, origin)
    copyMeta(from, meta, at, branch)
  } catch (error) {
    unmake(at, node.kind === S_IFDIR)
    throw error
  }
  return data === null || data.name === '' ? at : { dirfd: branch.work(), name: data.name }
}

const linkBuffer = Buffer.alloc(4096)

function makeSpecial(node: Node, from: Place, meta: Meta, at: Place, branch: Branch): void {
  if (node.kind === S_IFDIR) {
    must(sys.mkdirat(at.dirfd, at.name, 0o700), 'mkdirat', node.name)
  } else if (node.kind === S_IFLNK) {
    const length = must(sys.readlinkat(from.dirfd, from.name, linkBuffer), 'readlinkat', node.name)
    must(sys.symlinkat(linkBuffer.toString('latin1', 0, length), at.dirfd, at.name), 'symlinkat', node.name)
  } else {
    if (node.kind === S_IFCHR && meta.rdev === 0) branch.keepDevices()
    must(sys.mknodat(at.dirfd, at.name, node.kind | 0o600, meta.rdev), 'mknodat', node.name)
  }
}

/** Remove an object made in the work directory that will not be shown. */
function unmake(made: Place, isDir: boolean): void {
  if (made.name !== '') sys.unlinkat(made.dirfd, made.name, isDir ? C['AT_REMOVEDIR']! : 0)
}

/** Put a finished object in its place: link an unnamed file, move a work file. The parent's times stay as they were. */
function appear(union: Union, made: Place, dir: DirNode, branch: Branch, name: Bytes): void {
  const to = slot(union, dir, branch.index, name)
  const restore = keepTimes(to.dirfd)
  const rc = made.name === ''
    ? sys.linkat(made.dirfd, '', to.dirfd, name)
    : sys.renameat2(made.dirfd, made.name, to.dirfd, name, C['RENAME_NOREPLACE']!)
  must(rc, 'copy-up', name)
  restore()
  union.changed.push(dir.id)
}

/** A finished directory takes the place of the whiteout that has its name. @throws Errno */
function replaceInPlace(union: Union, made: Place, dir: DirNode, branch: Branch, name: Bytes): void {
  const to = slot(union, dir, branch.index, name)
  const restore = keepTimes(to.dirfd)
  must(sys.renameat2(made.dirfd, made.name, to.dirfd, name, C['RENAME_EXCHANGE']!), 'renameat2', name)
  sys.unlinkat(made.dirfd, made.name, 0)
  restore()
  union.changed.push(dir.id)
}

/** Make the copy and show it; then the node is on `branch`. */
function install(
  union: Union, node: Node, from: Place, meta: Meta, branch: Branch, parent: DirNode, data: CopiedData | null, bytes: number,
): void {
  const group = groupToKeep(union, node, meta)
  // Attributes in user.* would be seen, and committed, where an engine goes on with another program.
  const origin = union.config.dropIn === true && branch.keys.isUsers ? '' : originOf(union, node, from, meta)
  const made = makeObject(node, from, meta, branch, data, group === '' ? origin : `${origin}:g`)
  let linked = false
  try {
    if (origin !== '') markImpure(union, parent, branch)
    if (group !== '') {
      enterGroup(union, node, made, meta, branch)
      linked = true
    }
    appear(union, made, parent, branch, node.name)
  } catch (error) {
    if (linked) sys.unlinkat(branch.linkDir(), groupName(group), 0)
    if (data === null) unmake(made, false)
    throw error
  }
  node.indexed = group !== ''
  const source = union.branches[node.top]!
  union.moved(node, branch.index)
  union.ledger.record(node, source.spec.path, branch.spec.path, bytes)
}

/** The link group that a copy is to belong to, '' for none. */
function groupToKeep(union: Union, node: Node, meta: Meta): string {
  return meta.nlink > 1 && union.config.plink ? node.group : ''
}

/** Enter a finished copy in the branch's link directory, where the group's other names find it. */
function enterGroup(union: Union, node: Node, made: Place, meta: Meta, branch: Branch): void {
  const count = groupCount(union, node)
  writeCount(branch, node.group, count >= 0 ? count : meta.nlink)
  must(sys.linkat(made.dirfd, made.name, branch.makeLinkDir(), groupName(node.group)), 'linkat', node.group)
}

/** The same for a directory that gets a part below its lowest, on branch `lowest`. */
function dirOrigin(union: Union, dir: DirNode, lowest: number): string {
  const { fsid, keys, spec } = union.branches[lowest]!
  const fd = dirfd(union, dir, lowest)
  const kept = Buffer.alloc(64)
  const length = spec.perm === 'rw' ? readPrivate(fd, '', keys.origin, kept) : 0
  if (length > 0) return kept.toString('latin1', 0, length)
  must(sys.statx(fd, ''), 'statx', dir.name)
  return groupKey(fsid, st.inoLow, st.inoHigh).replace('-', ':')
}

/** Nothing from below belongs to a directory that is being made. @throws Errno */
function markOpaque(made: Place, branch: Branch): void {
  const fd = must(sys.openBeneath(made.dirfd, made.name, C['O_PATH']! | C['O_DIRECTORY']!), 'openat2', made.name)
  const rc = branch.format.setOpaque(fd)
  sys.close(fd)
  must(rc, 'opaque', made.name)
}

/** Where the object came from, for its copy's inode number and link group: what is stored with it, else its own identity. */
function originOf(union: Union, node: Node, from: Place, meta: Meta): string {
  const source = union.branches[node.top]!
  if (source.ours) {
    const kept = Buffer.alloc(64)
    const length = readPrivate(from.dirfd, from.name, source.keys.origin, kept)
    if (length > 0) return kept.toString('latin1', 0, length).replace(/:g$/, '')
  }
  return groupKey(source.fsid, meta.inoLow, meta.inoHigh).replace('-', ':')
}

/**
 * Mark a directory that will hold objects with a stored origin.
 * @throws Errno ENOSPC, EIO; a file system without xattrs is left be
 */
function markImpure(union: Union, dir: DirNode, branch: Branch): void {
  if (isMarked(union, dir)) return
  storeXattr(dirfd(union, dir, branch.index), '', branch.keys.impure, 'y')
  dir.impure = 1
}

/** An object gets another directory: if it has a stored origin, the directory is marked first. */
export function carryOrigin(union: Union, at: Place, dir: DirNode, branch: Branch): void {
  if (isMarked(union, dir) || readPrivate(at.dirfd, at.name, branch.keys.origin, Buffer.alloc(0)) === 0) return
  markImpure(union, dir, branch)
}

/**
 * Store one of our attributes; where the file system or our rights do not allow any, numbers change at remount and that
 * is all.
 */
function storeXattr(fd: number, name: Bytes, key: Bytes, value: string): void {
  const rc = sys.setxattr(fd, name, key, Buffer.from(value, 'latin1'), 0)
  if (rc < 0 && rc !== -E.EOPNOTSUPP && rc !== -E.EPERM && rc !== -E.EACCES) throw new Errno(-rc, 'setxattr', key)
}

/**
 * Deleted or never named: the copy stays without a name, the node holds it open; but where the file has other names in
 * the union, they are to show it.
 */
function copyNameless(union: Union, node: Node, from: Place, meta: Meta, branch: Branch, size: number): void {
  try {
    const data = node.kind === S_IFREG ? copyData(union, node, from, meta, branch, size) : null
    try {
      const grouped = groupToKeep(union, node, meta) !== ''
      const made = makeObject(node, from, meta, branch, data, grouped ? `${originOf(union, node, from, meta)}:g` : '')
      try {
        if (grouped) enterGroup(union, node, made, meta, branch)
        else union.tree.hold(node, must(reopen(made), 'open', node.name))
      } finally {
        if (data === null) unmake(made, node.kind === S_IFDIR)
      }
      if (grouped) {
        union.tree.release(node)
        node.indexed = true
      }
    } finally {
      if (data !== null) dropData(branch, data)
    }
    const source = union.branches[node.top]!
    union.moved(node, branch.index)
    union.ledger.record(node, source.spec.path, branch.spec.path, node.kind === S_IFREG ? Math.min(size, meta.size) : 0)
  } finally {
    branch.endWork()
  }
}

/** An O_PATH fd of a finished object. @returns fd or -errno */
function reopen(made: Place): number {
  const O_PATH = C['O_PATH']!
  return made.name === '' ? sys.reopen(made.dirfd, O_PATH) : sys.openat(made.dirfd, made.name, O_PATH | C['O_NOFOLLOW']!, 0)
}

/**
 * Have a directory, and all above it, on branch `to`.
 * Above its top it is a copy-up; below (another upper branch has it) a copy-down: opaque if it was whited out there, and
 * with an origin if it is the lowest now, as that one gives the number.
 * @pre mayHave (reach.ts)
 * @throws Errno
 */
export function ensureDir(union: Union, dir: DirNode, to: number): void {
  if (dir.branches.includes(to)) return
  if (dir.parent === null) throw new Errno(E.ENOENT, 'copy-up', dir.name)
  ensureDir(union, dir.parent, to)
  const branch = union.branches[to]!
  const from = place(union, dir)
  must(sys.statx(from.dirfd, from.name), 'statx', dir.name)
  if (st.frozen) throw new Errno(E.EPERM, 'copy-up', dir.name)
  const meta = takeMeta()
  const lowest = dir.branches[dir.branches.length - 1]!
  const white = to > dir.top && isWhite(union, dir.parent, dir.name, to)
  try {
    const made = makeObject(dir, from, meta, branch, null, to > lowest ? dirOrigin(union, dir, lowest) : '')
    try {
      if (white) markOpaque(made, branch)
      if (white && branch.inPlace && branch.hidesInPlace(dirfd(union, dir.parent, to), dir.name)) {
        replaceInPlace(union, made, dir.parent, branch, dir.name)
      } else {
        appear(union, made, dir.parent, branch, dir.name)
      }
    } catch (error) {
      if (white) removeTree(made.dirfd, made.name)
      else unmake(made, true)
      throw error
    }
    if (white) branch.format.remove(dirfd(union, dir.parent, to), dir.name)
  } finally {
    branch.endWork()
  }
  union.ledger.record(dir, union.branches[dir.top]!.spec.path, branch.spec.path, 0)
  dir.branches = [...dir.branches, to].sort((a, b) => a - b)
  dir.impure = -1
  sys.attrForget(dir.id)
  union.changed.push(dir.id)
  if (dir.listing?.stamp !== '') dir.listing = null
  if (to < dir.top) {
    dir.top = to
    dir.parent.listing?.relocate(dir.name, to)
  }
  extended(union, dir, to)
}
