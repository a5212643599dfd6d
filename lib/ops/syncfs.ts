/** SYNCFS: every writable branch's file system. Plain FUSE mounts do not get it yet; a kernel that sends it is served. */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { SyncfsIn } from '../fuse/structs.js'
import type { Union } from '../union/union.js'

export const syncfs = defineOp({
  opcode: Opcode.SYNCFS, name: 'SYNCFS', in: SyncfsIn, names: 0,
  run(union: Union) {
    for (const branch of union.branches) if (branch.writable) must(sys.syncfs(branch.lockFd), 'syncfs', branch.spec.path)
    return 0
  },
})
