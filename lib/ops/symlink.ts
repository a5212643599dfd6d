/** SYMLINK: the request carries the new name, then the target. */
import { sys } from '../os/native.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import type { Union } from '../union/union.js'
import { makeEntry, prepareEntry, publishEntry } from './shared/create-entry.js'
import { entryReply } from './shared/entry-reply.js'
import { ownerGid, ownerUid } from './shared/owner.js'

export const symlink = defineOp({
  opcode: Opcode.SYMLINK, name: 'SYMLINK', in: null, names: 2,
  run(union: Union, req, _arg, name, target) {
    const at = prepareEntry(union, req.nodeid, name)
    makeEntry(at, 'symlinkat', made => sys.symlinkAs(target, at.dirfd, made, ownerUid(union, req), ownerGid(union, req)))
    const node = publishEntry(union, at, () => { sys.unlinkat(at.dirfd, at.made, 0) })
    return entryReply(union, req, node)
  },
})
