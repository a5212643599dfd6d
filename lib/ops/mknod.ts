/** MKNOD: fifo, socket, device, or a regular file where CREATE is not used. */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { MknodIn } from '../fuse/structs.js'
import type { Union } from '../union/union.js'
import { prepareEntry, publishEntry } from './shared/create-entry.js'
import { entryReply } from './shared/entry-reply.js'

export const mknod = defineOp({
  opcode: Opcode.MKNOD, name: 'MKNOD', in: MknodIn, names: 1,
  run(union: Union, req, { mode, rdev, umask }, name) {
    const at = prepareEntry(union, req.nodeid, name)
    must(sys.mknodAs(at.dirfd, name, mode, rdev, req.uid, req.gid, umask), 'mknodat', name)
    const node = publishEntry(union, at, () => { sys.unlinkat(at.dirfd, name, 0) })
    return entryReply(union, req, node)
  },
})
