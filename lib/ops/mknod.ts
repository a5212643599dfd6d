/** MKNOD: fifo, socket, device; in no-open mode also every regular file (create.ts). */
import { sys, type Bytes } from '../os/native.js'
import { S_IFCHR, S_IFMT, S_IFREG } from '../os/stat.js'
import { defineOp, type Request } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { MknodIn } from '../fuse/structs.js'
import type { Node } from '../union/node.js'
import type { Union } from '../union/union.js'
import { makeEntry, prepareEntry, publishEntry } from './shared/create-entry.js'
import { createFile } from './shared/create-file.js'
import { entryReply } from './shared/entry-reply.js'
import { ownerGid, ownerUid } from './shared/owner.js'

function createSpecial(union: Union, req: Request, name: Bytes, mode: number, rdev: number, umask: number): Node {
  const at = prepareEntry(union, req.nodeid, name)
  if ((mode & S_IFMT) === S_IFCHR && rdev === 0) at.branch.keepDevices()
  makeEntry(at, 'mknodat', made => sys.mknodAs(at.dirfd, made, mode, rdev, ownerUid(union, req), ownerGid(union, req), umask))
  return publishEntry(union, at, () => { sys.unlinkat(at.dirfd, at.made, 0) })
}

export const mknod = defineOp({
  opcode: Opcode.MKNOD, name: 'MKNOD', in: MknodIn, names: 1,
  run(union: Union, req, { mode, rdev, umask }, name) {
    const regular = (mode & S_IFMT) === S_IFREG || (mode & S_IFMT) === 0
    const node = regular
      ? createFile(union, req, name, mode, umask)
      : createSpecial(union, req, name, mode, rdev, umask)
    return entryReply(union, req, node)
  },
})
