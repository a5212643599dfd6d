/**
 * From nodes to places on disk: the only door to directory fds. A place is `(dirfd, name)`; name '' is the fd itself.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import type { DirNode, Node } from './node.js'
import type { Union } from './union.js'
import { groupName } from './link-group.js'

const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!

/** Where an object is: valid until the current request ends. */
export interface Place {
  readonly dirfd: number
  readonly name: Bytes
}

/**
 * O_PATH fd of a directory on one of its branches; stays the cache's.
 * @throws Errno ENOENT if it vanished, EXDEV if something is mounted there, EMFILE
 */
export function dirfd(union: Union, dir: DirNode, branch: number): number {
  const cached = union.dirfds.get(dir, branch)
  if (cached !== undefined) return cached
  if (dir.parent === null) {
    if (dir === union.tree.root) return union.branches[branch]!.fd
    if (dir.fd >= 0 && branch === dir.top) return dir.fd
    throw new Errno(E.ENOENT, 'openat2', dir.name)
  }
  const path = dir.paths?.get(branch)
  const base = path === undefined ? dirfd(union, dir.parent, branch) : union.branches[branch]!.fd
  const name = path ?? dir.name
  let fd = sys.openBeneath(base, name, O_PATH_DIR)
  if (fd === -E.EMFILE) {
    union.dirfds.relieve()
    fd = sys.openBeneath(path === undefined ? dirfd(union, dir.parent, branch) : base, name, O_PATH_DIR)
  }
  if (fd < 0) throw new Errno(-fd, 'openat2', name)
  union.dirfds.put(dir, branch, fd)
  return fd
}

/** Where a name of `dir` is, or would be, on a branch. @throws Errno as dirfd() */
export function slot(union: Union, dir: DirNode, branch: number, name: Bytes): Place {
  return { dirfd: dirfd(union, dir, branch), name }
}

/**
 * Where the object behind a node is: the one whose attributes count.
 * @throws Errno ESTALE if the node has no name and no open file (changed behind our back); EPERM for the control object;
 *   as dirfd()
 */
export function place(union: Union, node: Node): Place {
  if (node.fd >= 0) return { dirfd: node.fd, name: '' }
  if (node.indexed) return { dirfd: union.branches[node.top]!.linkDir(), name: groupName(node.group) }
  if (node.isDir()) {
    if (node.parent === null || node.paths?.has(node.top)) return { dirfd: dirfd(union, node, node.top), name: '' }
  } else if (node.parent === null) {
    throw new Errno(node.id === union.control.id ? E.EPERM : E.ESTALE, 'place', `#${node.id}`)
  }
  return { dirfd: dirfd(union, node.parent!, node.top), name: node.name }
}

/** Path of a directory on a branch, from the branch root, without a leading slash; '' for the root. */
export function branchPath(union: Union, dir: DirNode, branch: number): Bytes {
  if (dir.parent === null) return ''
  return dir.paths?.get(branch) ?? entryPath(union, dir.parent, dir.name, branch)
}

/** Path of a name in a directory on a branch, from the branch root. */
export function entryPath(union: Union, dir: DirNode, name: Bytes, branch: number): Bytes {
  const above = branchPath(union, dir, branch)
  return above === '' ? name : `${above}/${name}`
}
