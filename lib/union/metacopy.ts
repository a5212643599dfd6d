/**
 * overlayfs's copies of attributes alone (`metacopy=on`): the data is that of a file below, of the same name or where a redirect
 * says. With `metacopy=follow` it is looked for there; else such a file cannot be read. Whoever can write a layer could have
 * the data of any file below shown under attributes of his choice, so it is done only when asked for.
 * Source: Documentation/filesystems/overlayfs.rst, "Metadata only copy up".
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFREG, takeMeta } from '../os/stat.js'
import type { DirNode, Node } from './node.js'
import { place } from './place.js'
import { fileBelow, hasLower, join, lowerPath } from './redirect.js'
import type { Union } from './union.js'
import { isMetacopy, OVERLAY_SPACES, redirectOf } from './whiteout/overlay.js'

const C = sys.constants
/** One leads to another at most this often: once for each branch. */
const HOPS_MAX = 128

/** An open file that may be such a copy; its directory as a node, or as a path in the union of the branches below its own. */
interface Copy {
  readonly branch: number
  readonly fd: number
  readonly dir: DirNode | Bytes | null
  readonly name: Bytes
}

/**
 * Where the data of an open file lies: `fd` itself, or that of a file below; then `fd` is closed, as it is on failure.
 * @throws Errno EIO if it is a copy of attributes alone and not to be followed, or leads nowhere
 */
export function dataOf(union: Union, node: Node, fd: number): number {
  if (!union.branches[node.top]!.overlaid) return fd
  let from: Copy = { branch: node.top, fd, dir: node.parent, name: node.name }
  for (let hops = 0; ; hops++) {
    let below: Copy | null = null
    try {
      if (!isMetacopy(from.fd)) return from.fd
      const path = union.config.metacopy === 'follow' && hops < HOPS_MAX ? pathBelow(union, from) : null
      below = path === null ? null : fileBelow(union, from.branch + 1, path)
    } catch (error) {
      sys.close(from.fd)
      throw error
    }
    sys.close(from.fd)
    if (below === null) throw new Errno(E.EIO, 'metacopy', union.branches[node.top]!.spec.path)
    from = below
  }
}

/** The path of what a copy is of, in the union of the branches below its own; null if there can be none. */
function pathBelow(union: Union, { branch, fd, dir, name }: Copy): Bytes | null {
  const { spec, keys } = union.branches[branch]!
  const redirect = redirectOf(fd, spec.fmt === 'overlay' || keys.isUsers)
  if (redirect.startsWith('/')) return redirect.slice(1)
  if (dir === null) return null
  if (typeof dir !== 'string' && !hasLower(dir, branch)) return null
  return join(typeof dir === 'string' ? dir : lowerPath(dir, branch), redirect === '' ? name : redirect)
}

/**
 * Give a copy of attributes alone on a writable branch its data, before it is written: into the file itself, as overlayfs does;
 * until all is there it goes on being what it was.
 * @param size how many bytes are wanted
 * @throws Errno as dataOf(); ENOSPC, EIO, ... of the copying
 */
export function complete(union: Union, node: Node, size: number): void {
  if (node.kind !== S_IFREG) return
  const at = place(union, node)
  const open = (flags: number): number =>
    must(at.name === '' ? sys.reopen(at.dirfd, flags) : sys.openat(at.dirfd, at.name, flags, 0), 'open', node.name)
  const read = open(C['O_RDONLY']! | C['O_NONBLOCK']!)
  if (!isMetacopy(read)) {
    sys.close(read)
    return
  }
  const source = dataOf(union, node, read)
  const fd = open(C['O_RDWR']! | C['O_NONBLOCK']!)
  try {
    must(sys.statx(fd, ''), 'statx', node.name)
    const meta = takeMeta()
    must(sys.copyData(source, fd, Math.min(size, meta.size)), 'copy-up', node.name)
    must(sys.utimens(fd, '', meta.atime, meta.atimeNsec, meta.mtime, meta.mtimeNsec), 'utimensat', node.name)
    for (const space of OVERLAY_SPACES) for (const key of ['metacopy', 'redirect']) sys.removexattr(fd, '', space + key)
    sys.dataDrop(node.id)
  } finally {
    sys.close(source)
    sys.close(fd)
  }
}
