/** CREATE: make a regular file and open it. In no-open mode no RELEASE will come: the fd goes to the data table. */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { openOut } from '../fuse/reply.js'
import { CreateIn } from '../fuse/structs.js'
import type { Union } from '../union/union.js'
import { prepareEntry, publishEntry } from './shared/create-entry.js'
import { putEntry } from './shared/entry-reply.js'
import { openFlags } from './open.js'

const O_RDWR = sys.constants['O_RDWR']!

export const create = defineOp({
  opcode: Opcode.CREATE, name: 'CREATE', in: CreateIn, names: 1,
  run(union: Union, req, { mode, umask }, name) {
    const at = prepareEntry(union, req.nodeid, name)
    const fd = must(sys.createAs(at.dirfd, name, O_RDWR, mode & 0o7777, req.uid, req.gid, umask), 'open', name)
    const node = publishEntry(union, at, () => {
      sys.close(fd)
      sys.unlinkat(at.dirfd, name, 0)
    })
    sys.dataSet(node.id, fd, 1, 0)
    union.dataUsed()
    const length = putEntry(union, req, node, HEADER)
    const handle = union.passthrough.open(union, node, true)
    return length + openOut(req.out, HEADER + length, handle.fh, openFlags(handle), handle.backingId)
  },
})
