/** SYMLINK: the request carries the new name, then the target. */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import type { Union } from '../union/union.js'
import { prepareEntry, publishEntry } from './shared/create-entry.js'
import { entryReply } from './shared/entry-reply.js'
import { ownerGid, ownerUid } from './shared/owner.js'

export const symlink = defineOp({
  opcode: Opcode.SYMLINK, name: 'SYMLINK', in: null, names: 2,
  run(union: Union, req, _arg, name, target) {
    const at = prepareEntry(union, req.nodeid, name)
    must(sys.symlinkAs(target, at.dirfd, name, ownerUid(union, req), ownerGid(union, req)), 'symlinkat', name)
    const node = publishEntry(union, at, () => { sys.unlinkat(at.dirfd, name, 0) })
    return entryReply(union, req, node)
  },
})
