/**
 * io=passthrough: the kernel reads and writes branch files itself. All passthrough handles of a node share one backing
 * file in the kernel, so a node is in one of these states:
 *
 *     none      no handle
 *     lower     handles on a file of a branch that is not written; read-only opens join
 *     draining  copied up while `lower` handles are open: they go on reading the old file; new handles are DIRECT_IO,
 *               served by us from the copy, until the last old one is closed
 *     upper     handles on a writable branch's file, opened read-write; every open joins
 *
 * A lower file's backing id never serves a writable open: the kernel would open the lower path for writing. On top of
 * that, privileged mounts hold read-only clones of their lower branches, which the kernel will not write to.
 */
import { sys } from '../os/native.js'
import { st } from '../os/stat.js'
import { must } from '../os/errno.js'
import { openFile } from './data.js'
import type { Node } from './node.js'
import { place } from './place.js'
import type { Union } from './union.js'

const O_RDWR = sys.constants['O_RDWR']!
const SUID_SGID = 0o6000

/** What OPEN and CREATE answer. */
export interface Handle {
  readonly fh: number
  readonly kind: 'passthrough' | 'direct' | 'cached'
  readonly backingId: number
}

const CACHED: Handle = { fh: 0, kind: 'cached', backingId: 0 }

export class Passthrough {
  readonly active: boolean
  readonly #handles = new Map<number, { node: Node; kind: Handle['kind'] }>()
  #next = 1

  constructor(active: boolean) {
    this.active = active
  }

  /**
   * A handle for an open of `node`, which for a writable one is on a writable branch already.
   * @throws Errno of opening the branch file
   */
  open(union: Union, node: Node, writable: boolean): Handle {
    if (!this.active) return CACHED
    const pass = node.pass ??= { id: 0, handles: 0, lower: false, direct: 0 }
    const onLower = !union.branches[node.top]!.writable
    if (pass.handles === 0) {
      if (writable && losesPrivilege(union, node)) return this.#add(node, 'direct', 0)
      const fd = openFile(union, node, onLower ? 0 : O_RDWR)
      const id = sys.backingOpen(fd)
      sys.close(fd)
      if (id < 0) return this.#add(node, 'direct', 0)
      pass.id = id
      pass.lower = onLower
    } else if (pass.lower !== onLower) {
      return this.#add(node, 'direct', 0)
    }
    return this.#add(node, 'passthrough', pass.id)
  }

  #add(node: Node, kind: Handle['kind'], backingId: number): Handle {
    const fh = this.#next++
    this.#handles.set(fh, { node, kind })
    if (kind === 'passthrough') node.pass!.handles++
    else node.pass!.direct++
    return { fh, kind, backingId }
  }

  release(fh: number): void {
    const handle = this.#handles.get(fh)
    if (handle === undefined) return
    this.#handles.delete(fh)
    const pass = handle.node.pass!
    if (handle.kind === 'direct') pass.direct--
    else if (--pass.handles === 0) {
      sys.backingClose(pass.id)
      pass.id = 0
    }
  }

}

/** A write must take suid and sgid away, which the kernel's own path would not do as the daemon: we write such files. */
function losesPrivilege(union: Union, node: Node): boolean {
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', at.name)
  return (st.mode & SUID_SGID) !== 0
}
