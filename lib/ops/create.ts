/**
 * CREATE: make a regular file and open it. Without OPEN it is refused: the kernel then makes files with MKNOD, opens them
 * itself, and never sends the RELEASE that a CREATE is followed by. Source: fuse_create_open in fs/fuse/dir.c.
 */
import { E } from '../os/errno.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { openOut } from '../fuse/reply.js'
import { CreateIn } from '../fuse/structs.js'
import type { Union } from '../union/union.js'
import { createFile } from './shared/create-file.js'
import { putEntry } from './shared/entry-reply.js'
import { openFlags } from './open.js'

export const create = defineOp({
  opcode: Opcode.CREATE, name: 'CREATE', in: CreateIn, names: 1,
  run(union: Union, req, { flags, mode, umask }, name) {
    if (union.noOpen) return -E.ENOSYS
    const node = createFile(union, req, name, mode, umask)
    const handle = union.passthrough.open(union, node, flags, true)
    union.opens?.add(node)
    const length = putEntry(union, req, node, HEADER)
    return length + openOut(req.out, HEADER + length, handle.fh, openFlags(handle), handle.backingId)
  },
})
