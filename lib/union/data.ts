/**
 * Open files of nodes for the data plane: one fd per node, owned by the addon's table.
 */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFREG, st } from '../os/stat.js'
import { keepCurrent } from './current.js'
import { dataOf } from './metacopy.js'
import type { Node } from './node.js'
import { place } from './place.js'
import type { Union } from './union.js'

const C = sys.constants
const O_NONBLOCK = C['O_NONBLOCK']!
const O_RDWR = C['O_RDWR']!

/**
 * An fd of the node's present branch file, the caller's to close.
 * @param flags O_RDONLY or O_RDWR
 * @throws Errno EACCES, EMFILE, ESTALE, ...; EIO if its data is elsewhere (metacopy.ts)
 */
export function openFile(union: Union, node: Node, flags: number): number {
  keepCurrent(union, node)
  const attempt = (): number => {
    const at = place(union, node)
    return at.name === '' ? sys.reopen(at.dirfd, flags | O_NONBLOCK) : sys.openat(at.dirfd, at.name, flags | O_NONBLOCK, 0)
  }
  let fd = attempt()
  if (fd === -E.EMFILE) {
    union.dirfds.relieve()
    sys.dataSweep()
    sys.dataSweep()
    fd = attempt()
  }
  if (fd === -E.EACCES) fd = openLocked(union, node, attempt)
  return dataOf(union, node, must(fd, 'open', node.name))
}

/** Without privilege a file of our own whose mode denies us: the kernel has checked the caller when it was opened. */
function openLocked(union: Union, node: Node, attempt: () => number): number {
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', node.name)
  const mode = st.mode & 0o7777
  if (sys.chmod(at.dirfd, at.name, mode | 0o600) < 0) return -E.EACCES
  const fd = attempt()
  sys.chmod(at.dirfd, at.name, mode)
  return fd
}

/**
 * Have the node's file in the data table.
 * @pre for `writable` the node is on a writable branch (copyUp)
 */
export function ensureData(union: Union, node: Node, writable: boolean): void {
  if (node.kind !== S_IFREG) throw new Errno(E.EINVAL, 'open', node.name)
  if (sys.dataFd(node.id, writable ? 1 : 0) >= 0) return
  const fd = openFile(union, node, writable ? O_RDWR : 0)
  must(sys.dataSet(node.id, fd, writable ? 1 : 0, 0), 'dataSet')
  union.dataUsed()
}
