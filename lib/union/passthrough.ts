/**
 * io=passthrough: the kernel reads and writes branch files itself. Linux wants all handles of an inode alike: while one is
 * passthrough all must be, on one backing file (else EIO), and while one is cached none may be passthrough (ETXTBSY).
 * So a node is in one of these states, decided by its first open:
 *
 *     none          no handle; the backing file of the last ones may be kept for the next (idle)
 *     passthrough   handles on the file of a writable branch, which never changes its place; every open joins
 *     cached        handles served by us, by node: they follow a copy-up; every open joins
 *
 * A file on a read-only branch is opened cached where the union can be written: its copy-up could not take passthrough
 * handles along, and its backing id must never serve a writable open, as the kernel would open the lower path for
 * writing. In a union that cannot be written there are no copy-ups, and every file is passed through.
 * See docs/decisions/0002-passthrough-states.md.
 */
import { sys } from '../os/native.js'
import { st } from '../os/stat.js'
import { Errno, must } from '../os/errno.js'
import { openFile } from './data.js'
import type { Node } from './node.js'
import { place } from './place.js'
import type { Union } from './union.js'

const O_RDWR = sys.constants['O_RDWR']!
const O_ACCMODE = sys.constants['O_ACCMODE']!
const SUID_SGID = 0o6000

/** What OPEN and CREATE answer. */
export interface Handle {
  readonly fh: number
  readonly kind: 'passthrough' | 'cached'
  readonly backingId: number
  /** The kernel's pages of this node are still good. */
  readonly keepCache: boolean
}

/** Backing files kept without a handle: opening one again then costs no system call. They count in no process's limit. */
const IDLE_MAX = 1024

/** Lowest bit of a handle that may write to a passed-through file. */
const WRITES = 1

const STATELESS: Handle = { fh: 0, kind: 'cached', backingId: 0, keepCache: true }

export class Passthrough {
  /** The mount began with it: the kernel asks at every open. */
  readonly active: boolean
  #on: boolean
  #keep: boolean
  readonly #handles = new Map<number, Node>()
  /** Nodes without a handle whose backing file is kept, the one let go longest ago first. */
  readonly #idle = new Set<Node>()
  #next = 1

  /** @param keep whether a file may be taken for what it was at its last open: nobody changes branches but us */
  constructor(active: boolean, keep: boolean) {
    this.active = active
    this.#on = active
    this.#keep = keep
  }

  /** Are files passed through that are opened now? Those that are, stay so. */
  get on(): boolean {
    return this.#on
  }

  /** Another `io` or udba from now on. */
  change(on: boolean, keep: boolean): void {
    const looksAgain = (this.#on && !on) || (this.#keep && !keep)
    this.#on = on && this.active
    this.#keep = keep
    if (looksAgain) for (const node of this.#idle) this.letGo(node)
  }

  /**
   * A handle for an open of `node`, which for a writable one is on a writable branch already.
   * @param flags of open(2)
   * @param made the file was made by this open, which must not fail any more: it is then served by us. `sys.stat`
   *   describes it
   * @throws Errno of opening the branch file
   */
  open(union: Union, node: Node, flags: number, made = false): Handle {
    if (!this.active) return STATELESS
    const pass = node.pass ??= { id: 0, handles: 0, writers: 0, passedOnce: false }
    if (!this.#idle.delete(node) && pass.handles === 0) pass.id = this.#backing(union, node, made)
    const writes = pass.id > 0 && (flags & O_ACCMODE) !== 0
    const fh = 2 * this.#next++ + (writes ? WRITES : 0)
    this.#handles.set(fh, node)
    pass.handles++
    if (pass.id > 0) {
      pass.passedOnce = true
      // What the kernel has been told of it so far, it may keep: from now on timeout() says otherwise.
      if (writes && pass.writers++ === 0) union.changed.push(node.id)
      return { fh, kind: 'passthrough', backingId: pass.id, keepCache: false }
    }
    return { fh, kind: 'cached', backingId: 0, keepCache: !pass.passedOnce }
  }

  #backing(union: Union, node: Node, made: boolean): number {
    try {
      return this.#mayPass(union, node, made) ? register(union, node) : 0
    } catch (error) {
      if (made && error instanceof Errno) return 0
      throw error
    }
  }

  /**
   * Never a file that may be copied up; nor one whose suid a write must clear, which the kernel's own path would not do
   * as the daemon.
   */
  #mayPass(union: Union, node: Node, made: boolean): boolean {
    // The data of one that overlayfs has written may be another file's.
    if (!this.#on || union.branches[node.top]!.overlaid || (!union.branches[node.top]!.writable && union.writable)) return false
    if (!made) {
      const at = place(union, node)
      must(sys.statx(at.dirfd, at.name), 'statx', at.name)
    }
    return (st.mode & SUID_SGID) === 0
  }

  release(fh: number): void {
    const node = this.#handles.get(fh)
    const pass = node?.pass
    if (node === undefined || pass === null || pass === undefined) return
    this.#handles.delete(fh)
    if (fh % 2 === WRITES) pass.writers--
    if (--pass.handles > 0 || pass.id === 0) return
    this.#idle.add(node)
    if (!this.#keep || !this.#on) this.letGo(node)
    for (const oldest of this.#idle) {
      if (this.#idle.size <= IDLE_MAX) break
      this.letGo(oldest)
    }
  }

  /** The next open shall look again: the node's mode or file changes, or the node is gone. */
  letGo(node: Node): void {
    const { pass } = node
    if (pass === null || !this.#idle.delete(node)) return
    sys.backingClose(pass.id)
    pass.id = 0
  }
}

/**
 * A backing id for the node's branch file; 0 if the kernel does not want one (stacked too deep): then it is served by
 * us.
 */
function register(union: Union, node: Node): number {
  const writable = union.branches[node.top]!.writable
  const open = sys.dataFd(node.id, writable ? 1 : 0)
  const fd = open >= 0 ? open : openFile(union, node, writable ? O_RDWR : 0)
  const id = sys.backingOpen(fd)
  if (fd !== open) sys.close(fd)
  return Math.max(id, 0)
}
