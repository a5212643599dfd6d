/** Which files are open, where opens are told to us: counted by node while the kernel has handles. */
import type { Node } from './node.js'

export class Opens {
  readonly #handles = new Map<Node, number>()

  add(node: Node): void {
    this.#handles.set(node, (this.#handles.get(node) ?? 0) + 1)
  }

  remove(node: Node): void {
    const left = (this.#handles.get(node) ?? 0) - 1
    if (left > 0) this.#handles.set(node, left)
    else this.#handles.delete(node)
  }

  isOpen(node: Node): boolean {
    return this.#handles.has(node)
  }
}
