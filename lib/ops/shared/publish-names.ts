/** Memory follows disk after names have moved or gone; nothing here can fail. */
import { sys, type Bytes } from '../../os/native.js'
import type { DirNode, Node } from '../../union/node.js'
import type { Destination, Named } from '../../union/rename.js'
import type { Union } from '../../union/union.js'

/**
 * `named` is gone. `fd` (from holdOpen, or -1) becomes the node's if that was its last known name, else it is closed.
 */
export function loseName(union: Union, named: Named, fd: number): void {
  const { node, dir, name } = named
  dir.listing?.remove(name)
  if (node.isDir()) union.forgetParts(node)
  const nameless = union.tree.unlink(node, dir, name)
  if (fd >= 0) {
    if (nameless && node.fd < 0) union.tree.hold(node, fd)
    else sys.close(fd)
  }
  union.tree.settle(node)
}

function listed(dir: DirNode, name: Bytes, node: Node, branch: number): void {
  dir.listing?.add(name, branch, node.kind >> 12, 0, 0)
}

/** The source has the destination's name now. */
export function moveEntries(union: Union, from: Named, to: Destination, branch: number): void {
  union.tree.move(from.node, from.dir, from.name, to.dir, to.name)
  from.dir.listing?.remove(from.name)
  listed(to.dir, to.name, from.node, branch)
  union.tree.settle(from.node)
}

/** Two entries have changed places. */
export function exchangeEntries(a: Named, b: Named): void {
  for (const [node, from, to] of [[a.node, a, b], [b.node, b, a]] as const) {
    to.dir.children.set(to.name, node)
    if (node.parent === from.dir && node.name === from.name) {
      node.parent = to.dir
      node.name = to.name
    } else if (node.aliases !== null) {
      node.aliases = node.aliases.map(alias =>
        alias.dir === from.dir && alias.name === from.name ? { dir: to.dir, name: to.name } : alias)
    }
  }
  listed(a.dir, a.name, b.node, b.node.top)
  listed(b.dir, b.name, a.node, a.node.top)
}
