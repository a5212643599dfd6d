/**
 * Attributes of a node as the union shows them: those of the topmost object, with our inode number and link count.
 */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { renew } from './current.js'
import { readCount } from './link-group.js'
import type { DirNode, Node } from './node.js'
import { dirfd as placeOn, place } from './place.js'
import type { Union } from './union.js'

/**
 * Fill `sys.stat` with what the union shows of a node.
 * @throws Errno ESTALE if it vanished from its branch; EIO, ... of the branch
 */
export function attributes(union: Union, node: Node): void {
  if (union.shown === node) {
    union.shown = null
    return
  }
  if (union.statOf !== node) renew(union, node)
  if (union.statOf === node) union.statOf = null
  else {
    const allowed = union.config.dirperm1 || !node.isDir() ? ALL_BITS : lowerAllows(union, node)
    const { dirfd, name } = place(union, node)
    must(sys.statx(dirfd, name), 'statx', name)
    st.mode &= allowed
  }
  // Its other names may lie where nobody watches.
  if (st.nlink > 1 && union.watches !== null && !node.isDir()) node.shared = true
  present(union, node)
}

const ALL_BITS = -1
const READ_SEARCH = 0o555

/** nodirperm1: the read and search bits that the directory's lower parts leave (aufs(5), dirperm1). */
function lowerAllows(union: Union, dir: DirNode): number {
  let allowed = ALL_BITS
  for (const branch of dir.branches) {
    if (branch === dir.top) continue
    must(sys.statx(placeOn(union, dir, branch), ''), 'statx', dir.name)
    allowed &= st.mode | ~READ_SEARCH
  }
  return allowed
}

/** Turn a branch object's statx in `sys.stat` into the node's: inode number, owner and link count. */
export function present(union: Union, node: Node): void {
  st.ino = node.ino
  union.owners?.show()
  if (node.isDir()) {
    if (node.parent === null && node !== union.tree.root) st.nlink = 0
    // A merged directory's subdirectories are not counted; 1 tells find(1) not to rely on it.
    else if (node.branches.length > 1) st.nlink = 1
    return
  }
  if (node.group === '') {
    if (node.parent === null && node.fd >= 0 && !union.branches[node.top]!.writable) st.nlink = 0
    return
  }
  const count = groupCount(union, node)
  if (count >= 0) st.nlink = count
}

/**
 * Leave GETATTR of a directory to the turn, where nobody but us changes it: the kernel asks after every change in it. Ends
 * with the fd (dirfds.ts) and with another topmost branch (union.ts, moved).
 */
export function serveAttributes(union: Union, dir: DirNode): void {
  if (!union.trusted(dir) || !union.config.dirperm1 || union.owners !== null) return
  const fd = dir === union.tree.root ? union.branches[dir.top]!.fd : union.dirfds.get(dir, dir.top)
  if (fd !== undefined) sys.attrServe(dir.id, fd, dir.ino, dir.branches.length > 1 ? 1 : -1)
}

/** Recorded number of names of a link group, or -1 if the branch file's own count is right. */
export function groupCount(union: Union, node: Node): number {
  if (node.indexed) return readCount(union.branches[node.top]!, node.group)
  if (node.group === '' || union.branches[node.top]!.writable) return -1
  for (let b = node.top - 1; b >= 0; b--) {
    const branch = union.branches[b]!
    if (!branch.whiteable) continue
    const count = readCount(branch, node.group)
    if (count >= 0) return count
  }
  return -1
}
