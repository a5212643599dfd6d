/** GETATTR and STATX. The file handle in them adds nothing: a node is the identity. */
import { sys } from '../os/native.js'
import { defineOp, HEADER, numberOf } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { statxOut } from '../fuse/reply.js'
import { GetattrIn, StatxIn } from '../fuse/structs.js'
import { attributes, serveAttributes } from '../union/attr.js'
import type { Union } from '../union/union.js'
import { controlAttr, controlStatx } from './shared/asked-keys.js'
import { attrReply } from './shared/entry-reply.js'

export const getattr = defineOp({
  opcode: Opcode.GETATTR, name: 'GETATTR', in: GetattrIn, names: 0,
  run(union: Union, req) {
    if (req.nodeid === union.control.id) return controlAttr(union, req)
    const node = union.tree.node(req.nodeid)
    union.kept?.check(node, numberOf(req))
    const size = attrReply(union, req, node)
    if (node.isDir()) serveAttributes(union, node)
    return size
  },
})

export const statx = defineOp({
  opcode: Opcode.STATX, name: 'STATX', in: StatxIn, names: 0,
  run(union: Union, req) {
    if (req.nodeid === union.control.id) return controlStatx(union, req)
    const node = union.tree.node(req.nodeid)
    union.kept?.check(node, numberOf(req))
    attributes(union, node)
    return statxOut(req.out, HEADER, union.timeout(node), sys.stat)
  },
})
