/** What CREATE, MKDIR, MKNOD and SYMLINK have in common. */
import { sys, type Bytes } from '../../os/native.js'
import { Errno, E, must } from '../../os/errno.js'
import { S_IFDIR, st } from '../../os/stat.js'
import type { Branch } from '../../union/branch.js'
import { ensureDir } from '../../union/copy-up.js'
import { seenMark } from '../../union/current.js'
import { DirNode, Node } from '../../union/node.js'
import { dirfd } from '../../union/place.js'
import { mayHoldWhiteouts, unwhite } from '../../union/remove.js'
import type { Union } from '../../union/union.js'
import { checkNewName } from './check-name.js'

/** Where a new entry goes. */
export interface Target {
  readonly dir: DirNode
  readonly name: Bytes
  readonly branch: Branch
  readonly dirfd: number
}

/**
 * Resolve, check, choose and prepare: the directory is on the branch that is written.
 * @throws Errno EPERM, ENAMETOOLONG, EROFS, ENOENT (the directory is deleted), EEXIST, copy-up's
 */
export function prepareEntry(union: Union, nodeid: number, name: Bytes): Target {
  const dir = union.tree.dir(nodeid)
  checkNewName(name)
  if (dir.parent === null && dir !== union.tree.root) throw new Errno(E.ENOENT, 'create', name)
  const branch = union.creationBranch(dir)
  ensureDir(union, dir, branch.index)
  return { dir, name, branch, dirfd: dirfd(union, dir, branch.index) }
}

/**
 * Finish a creation: the whiteout goes, the node is entered. Nothing fails after the statx.
 * @param undo removes what was created
 */
export function publishEntry(union: Union, at: Target, undo: () => void): Node {
  const { dir, name, branch } = at
  const rc = sys.statx(at.dirfd, name)
  if (rc < 0) undo()
  must(rc, 'statx', name)
  if (mayHoldWhiteouts(dir, branch.index)) unwhite(union, dir, name, branch)
  const stale = dir.children.get(name)
  if (stale !== undefined) union.vanish(stale, dir, name)
  return enterNew(union, at)
}

/** Enter the object that `sys.stat` describes. */
function enterNew(union: Union, { dir, name, branch }: Target): Node {
  const ino = union.inos.of(branch.fsid, st.inoLow, st.inoHigh)
  const node = st.kind === S_IFDIR
    ? new DirNode(ino, dir, name, [branch.index])
    : new Node(st.kind, ino, dir, name, branch.index)
  if (node instanceof DirNode) node.impure = 0
  node.seen = seenMark()
  union.tree.add(node)
  union.statOf = node
  dir.listing?.add(name, branch.index, st.kind >> 12, st.inoLow, st.inoHigh)
  return node
}
