/** Replies that tell the kernel of a node. */
import { st } from '../../os/stat.js'
import { HEADER, type Request } from '../../fuse/define-op.js'
import { attrOut, entryOut } from '../../fuse/reply.js'
import { attributes } from '../../union/attr.js'
import type { Node } from '../../union/node.js'
import type { Union } from '../../union/union.js'

/** fuse_entry_out of a node at `at`; counts the lookup. @returns 128 */
export function putEntry(union: Union, req: Request, node: Node, at: number): number {
  attributes(union, node)
  node.lookups++
  const timeout = union.timeout(node)
  return entryOut(req.out, at, node.id, union.tree.generation(node.id), timeout, timeout, st.attr)
}

/** The whole reply of LOOKUP, MKDIR, MKNOD, SYMLINK and LINK. */
export function entryReply(union: Union, req: Request, node: Node): number {
  return putEntry(union, req, node, HEADER)
}

/** The whole reply of GETATTR and SETATTR. */
export function attrReply(union: Union, req: Request, node: Node): number {
  attributes(union, node)
  return attrOut(req.out, HEADER, union.timeout(node), st.attr)
}
