/**
 * A mount that began with udba=none and has another one now. The kernel has been told once and for all to keep file data and
 * lists of directories until we say otherwise, and not to ask at open. So we look where it does not: what a file was when it
 * was last asked for is remembered, and before it is told that the file is another by now its pages are taken away; nor
 * does a list outlive its scan.
 *
 * Where the kernel keeps what it is told because the branch is watched, events see to that (recheck.ts).
 */
import { Wait } from '../util/wait.js'
import { S_IFLNK, S_IFREG, st } from '../os/stat.js'
import { attributes } from './attr.js'
import type { DirNode, Node } from './node.js'
import type { Union } from './union.js'

export class Kept {
  readonly #union: Union
  /** What shows that the content of a node is another: of those that were asked for. */
  readonly #marks = new WeakMap<Node, string>()
  /** Requests that have waited for the kernel to forget something, by their numbers. */
  readonly #waited = new Set<number>()

  constructor(union: Union) {
    this.#union = union
  }

  /**
   * The kernel is about to be told of a node. Leaves its attributes as shown (union.ts).
   * @param request its number: one that has waited does not wait again, however often the file is written meanwhile
   * @throws Wait until the pages of what it was are gone; Errno as attributes()
   */
  check(node: Node, request: number): void {
    if (this.#waited.delete(request) || (node.kind !== S_IFREG && node.kind !== S_IFLNK) || this.#union.timeout(node) > 0) return
    attributes(this.#union, node)
    const mark = `${st.size} ${st.mtime}.${st.mtimeNsec} ${st.ctime}.${st.ctimeNsec}`
    const before = this.#marks.get(node)
    if (mark !== before) this.#marks.set(node, mark)
    // The kernel can have nothing of one that it does not know.
    if (mark !== before && (before !== undefined || node.lookups > 0)) this.#forget(node, request)
    this.#union.shown = node
  }

  /** The last part of a directory's list was taken: with the answer to that the kernel takes it for whole. @throws Wait */
  listed(dir: DirNode, request: number): void {
    if (!this.#union.noOpendir || this.#waited.delete(request) || this.#union.timeout(dir) > 0) return
    this.#forget(dir, request)
  }

  #forget(node: Node, request: number): never {
    this.#waited.add(request)
    throw new Wait(this.#union.forget(node.id))
  }
}
