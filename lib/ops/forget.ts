/** FORGET and BATCH_FORGET: the kernel gives up references to nodes. There is no reply. */
import { defineOp, NO_REPLY } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { BatchForgetIn, ForgetIn, ForgetOne } from '../fuse/structs.js'
import type { Union } from '../union/union.js'

export const forget = defineOp({
  opcode: Opcode.FORGET, name: 'FORGET', in: ForgetIn, names: 0,
  run(union: Union, req, { nlookup }) {
    union.tree.forget(req.nodeid, nlookup)
    return NO_REPLY
  },
})

export const batchForget = defineOp({
  opcode: Opcode.BATCH_FORGET, name: 'BATCH_FORGET', in: BatchForgetIn, names: 0,
  run(union: Union, req, { count }) {
    for (let i = 0, at = req.payload; i < count && at + ForgetOne.size <= req.payloadEnd; i++, at += ForgetOne.size) {
      const { nodeid, nlookup } = ForgetOne.decode(req.words, at)
      union.tree.forget(nodeid, nlookup)
    }
    return NO_REPLY
  },
})
