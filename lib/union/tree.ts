/**
 * The table of nodes and their names. Memory only: nothing here makes a system call but closing what a node owned.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { DirNode, type Node } from './node.js'

export const ROOT_ID = 1

export class Tree {
  /** Slot = nodeid. 0 is never used, 1 is the root. */
  readonly #slots: (Node | null)[] = [null]
  #generations = new Uint32Array(1024)
  readonly #free: number[] = []
  /** Hard-link groups by origin key. */
  readonly #groups = new Map<string, Node>()
  /** Called with a directory node that leaves the table (its cached fds go). */
  readonly #onDrop: (node: Node) => void

  constructor(root: DirNode, onDrop: (node: Node) => void) {
    this.#onDrop = onDrop
    this.add(root)
    root.lookups = 1
  }

  /** Nodes without a name that hold a file open. */
  held = 0

  /** How many nodes are known. */
  get size(): number {
    return this.#slots.length - 1 - this.#free.length
  }

  /** How often the node's number was given to others before: number and generation together are never used twice. */
  generation(id: number): number {
    return this.#generations[id]!
  }

  get root(): DirNode {
    return this.#slots[ROOT_ID] as DirNode
  }

  /** @throws Errno ESTALE for a number that is no node: a kernel that asks so has been told to forget. */
  node(id: number): Node {
    const node = this.#slots[id]
    if (node === null || node === undefined) throw new Errno(E.ESTALE, 'node', `#${id}`)
    return node
  }

  /** @throws Errno ESTALE, ENOTDIR */
  dir(id: number): DirNode {
    const node = this.node(id)
    if (!(node instanceof DirNode)) throw new Errno(E.ENOTDIR, 'node', `#${id}`)
    return node
  }

  /** Give a new node a number and enter it under its name. */
  add(node: Node): void {
    const reused = this.#free.pop()
    if (reused === undefined) {
      node.id = this.#slots.length
      this.#slots.push(node)
      if (node.id === this.#generations.length) {
        const more = new Uint32Array(2 * node.id)
        more.set(this.#generations)
        this.#generations = more
      }
    } else {
      node.id = reused
      this.#generations[reused]!++
      this.#slots[reused] = node
    }
    if (node.parent !== null) node.parent.children.set(node.name, node)
  }

  get hasGroups(): boolean {
    return this.#groups.size > 0
  }

  /** The node of a link group, if one is known. */
  group(key: string): Node | undefined {
    return this.#groups.get(key)
  }

  joinGroup(node: Node, key: string): void {
    node.group = key
    this.#groups.set(key, node)
  }

  /** A node without a usable name keeps its file open; `fd` is the node's now, in place of what it held. */
  hold(node: Node, fd: number): void {
    if (node.fd >= 0) sys.close(node.fd)
    else this.held++
    node.fd = fd
  }

  /** A held file is no longer needed: the node can be found by a name. */
  release(node: Node): void {
    if (node.fd < 0) return
    sys.close(node.fd)
    node.fd = -1
    this.held--
  }

  /** The last name of the group is gone: what is still open is a file of its own. */
  leaveGroup(node: Node): void {
    if (this.#groups.get(node.group) === node) this.#groups.delete(node.group)
    node.group = ''
    node.indexed = false
  }

  /** One more name for a node; one that had none is found by it from now on. */
  link(node: Node, dir: DirNode, name: Bytes): void {
    if (dir.children.get(name) === node) return
    dir.children.set(name, node)
    if (node.parent === null && node.id !== ROOT_ID) {
      node.parent = dir
      node.name = name
      this.release(node)
    } else {
      node.aliases ??= []
      node.aliases.push({ dir, name })
    }
  }

  /** A name of a node is the one to go by: the others may lead elsewhere by now. */
  prefer(node: Node, dir: DirNode, name: Bytes): void {
    const { aliases, parent } = node
    if (aliases === null || parent === null || (parent === dir && node.name === name)) return
    const rest = aliases.filter(alias => alias.dir !== dir || alias.name !== name)
    node.aliases = [...rest, { dir: parent, name: node.name }]
    node.parent = dir
    node.name = name
  }

  /**
   * A name is gone. The node stays while the kernel knows it.
   * @returns true if no name of the node is known any more.
   */
  unlink(node: Node, dir: DirNode, name: Bytes): boolean {
    if (dir.children.get(name) === node) dir.children.delete(name)
    if (node.parent === dir && node.name === name) {
      const next = node.aliases?.shift()
      node.parent = next?.dir ?? null
      node.name = next?.name ?? ''
    } else if (node.aliases !== null) {
      node.aliases = node.aliases.filter(alias => alias.dir !== dir || alias.name !== name)
    }
    if (node.aliases?.length === 0) node.aliases = null
    this.#settle(dir)
    return node.parent === null
  }

  /** The name moves; nothing else changes. */
  move(node: Node, dir: DirNode, name: Bytes, toDir: DirNode, toName: Bytes): void {
    if (dir.children.get(name) === node) dir.children.delete(name)
    toDir.children.set(toName, node)
    if (node.parent === dir && node.name === name) {
      node.parent = toDir
      node.name = toName
    } else if (node.aliases !== null) {
      node.aliases = node.aliases.map(alias =>
        alias.dir === dir && alias.name === name ? { dir: toDir, name: toName } : alias)
    }
    if (dir !== toDir) this.#settle(dir)
  }

  /** FORGET: the kernel gives back `count` lookups. Unknown numbers are ignored, as there is no reply. */
  forget(id: number, count: number): void {
    const node = this.#slots[id]
    if (node === null || node === undefined || id === ROOT_ID) return
    node.lookups = Math.max(0, node.lookups - count)
    this.#settle(node)
  }

  /** Drop a node that neither the kernel nor a child needs; then perhaps its parent. */
  #settle(node: Node): void {
    if (node.lookups > 0 || node.id === ROOT_ID || this.#slots[node.id] !== node) return
    if (node instanceof DirNode && node.children.size > 0) return
    if (node.copy !== null && !node.copy.done) return // its end calls again
    const names = node.aliases ?? []
    if (node.parent !== null) this.#leave(node, node.parent, node.name)
    for (const { dir, name } of names) this.#leave(node, dir, name)
    if (this.#groups.get(node.group) === node) this.#groups.delete(node.group)
    this.#slots[node.id] = null
    this.#free.push(node.id)
    this.release(node)
    this.#onDrop(node)
    const parents = [node.parent, ...names.map(alias => alias.dir)]
    node.parent = null
    for (const parent of parents) if (parent !== null) this.#settle(parent)
  }

  #leave(node: Node, dir: DirNode, name: Bytes): void {
    if (dir.children.get(name) === node) dir.children.delete(name)
  }

  /** A node that was entered but never told to the kernel (readdir looked for its number). */
  settle(node: Node): void {
    this.#settle(node)
  }

  /** Every node, for closing down. */
  *nodes(): Iterable<Node> {
    for (const node of this.#slots) if (node !== null && node !== undefined) yield node
  }
}
