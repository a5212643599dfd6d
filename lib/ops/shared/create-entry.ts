/** What CREATE, MKDIR, MKNOD and SYMLINK have in common. */
import { sys, type Bytes } from '../../os/native.js'
import { Errno, E, must } from '../../os/errno.js'
import { S_IFDIR, st } from '../../os/stat.js'
import type { Branch } from '../../union/branch.js'
import { ensureDir } from '../../union/copy-up.js'
import { seenMark } from '../../union/current.js'
import { DirNode, Node } from '../../union/node.js'
import { dirfd } from '../../union/place.js'
import { mayHoldWhiteouts, replaceWhiteout, unwhite } from '../../union/remove.js'
import { entered } from '../../union/recheck.js'
import type { Union } from '../../union/union.js'
import { checkNewName } from './check-name.js'

/** Where a new entry goes. */
export interface Target {
  readonly dir: DirNode
  readonly name: Bytes
  readonly branch: Branch
  readonly dirfd: number
  /** Under which it is made: another name beside it, where a whiteout has the place. */
  made: Bytes
}

/**
 * Resolve, check, choose and prepare: the directory is on the branch that is written.
 * @param makesDir the entry will be a directory
 * @throws Errno EPERM, ENAMETOOLONG, EROFS, ENOENT (the directory is deleted), EEXIST, copy-up's
 */
export function prepareEntry(union: Union, nodeid: number, name: Bytes, makesDir = false): Target {
  const dir = union.tree.dir(nodeid)
  checkNewName(union, name)
  if (dir.parent === null && dir !== union.tree.root) throw new Errno(E.ENOENT, 'create', name)
  const branch = union.creationBranch(dir, name, makesDir)
  ensureDir(union, dir, branch.index)
  return { dir, name, branch, dirfd: dirfd(union, dir, branch.index), made: name }
}

/**
 * Make the new entry; where a whiteout is in its place, beside it. Whoever undoes it removes `at.made`.
 * @param make  the system call, for the name it is given
 * @throws Errno of the call
 */
export function makeEntry(at: Target, call: string, make: (name: Bytes) => number): number {
  let rc = make(at.name)
  if (rc === -E.EEXIST && at.branch.inPlace && at.branch.hidesInPlace(at.dirfd, at.name)) {
    at.made = at.branch.tempBeside()
    rc = make(at.made)
  }
  return must(rc, call, at.name)
}

/**
 * Finish a creation: the whiteout goes, the node is entered. Nothing fails after the statx.
 * @param undo removes what was created, `at.made`
 */
export function publishEntry(union: Union, at: Target, undo: () => void): Node {
  const { dir, name, branch } = at
  try {
    must(sys.statx(at.dirfd, at.made), 'statx', name)
    if (at.made !== name) replaceWhiteout(at.dirfd, at.made, name, st.kind === S_IFDIR)
  } catch (error) {
    undo()
    throw error
  }
  const alone = (!mayHoldWhiteouts(dir, branch.index) || unwhite(union, dir, name, branch)) && at.made === name
  const stale = dir.children.get(name)
  if (stale !== undefined) union.vanish(stale, dir, name)
  return enterNew(union, at, alone)
}

/** Enter the object that `sys.stat` describes. @param alone no whiteout was there: nothing below has the name */
function enterNew(union: Union, { dir, name, branch }: Target, alone: boolean): Node {
  const ino = union.inos.of(branch.fsid, st.inoLow, st.inoHigh)
  const { kind } = st
  const node = kind === S_IFDIR
    ? new DirNode(ino, dir, name, [branch.index])
    : new Node(st.kind, ino, dir, name, branch.index)
  if (node instanceof DirNode) node.impure = 0
  node.seen = seenMark()
  union.tree.add(node)
  union.statOf = node
  dir.listing?.add(name, branch.index, kind >> 12, st.inoLow, st.inoHigh, alone)
  if (node instanceof DirNode && union.watches !== null) {
    entered(union, node, null)
    union.statOf = null
  }
  return node
}
