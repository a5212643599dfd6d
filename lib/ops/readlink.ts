/** READLINK: the target of a symbolic link, bytes as they are. */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { place } from '../union/place.js'
import type { Union } from '../union/union.js'

export const readlink = defineOp({
  opcode: Opcode.READLINK, name: 'READLINK', in: null, names: 0,
  run(union: Union, req) {
    const node = union.tree.node(req.nodeid)
    const at = place(union, node)
    return must(sys.readlinkat(at.dirfd, at.name, req.out.subarray(HEADER, HEADER + 4096)), 'readlinkat', node.name)
  },
})
