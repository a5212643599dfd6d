/**
 * READ, WRITE, FSYNC, LSEEK, FALLOCATE and COPY_FILE_RANGE come to JavaScript only when the addon's table lacks the node's
 * file: have it there, on a writable branch for what changes it, and hand the request back.
 */
import { Errno, E } from '../os/errno.js'
import { S_IFREG } from '../os/stat.js'
import { defineOp, SERVE } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { CopyFileRangeIn, FallocateIn, FsyncIn, LseekIn, ReadIn, WriteIn } from '../fuse/structs.js'
import { copyUp } from '../union/copy-up.js'
import { ensureData } from '../union/data.js'
import type { Union } from '../union/union.js'

function serve(union: Union, nodeid: number, writes: boolean): number {
  const node = union.tree.node(nodeid)
  if (node.kind !== S_IFREG) throw new Errno(E.EINVAL, 'open', node.name)
  if (writes) copyUp(union, node)
  ensureData(union, node, writes)
  return SERVE
}

export const read = defineOp({
  opcode: Opcode.READ, name: 'READ', in: ReadIn, names: 0,
  run: (union: Union, req) => serve(union, req.nodeid, false),
})

export const write = defineOp({
  opcode: Opcode.WRITE, name: 'WRITE', in: WriteIn, names: 0,
  run: (union: Union, req) => serve(union, req.nodeid, true),
})

export const lseek = defineOp({
  opcode: Opcode.LSEEK, name: 'LSEEK', in: LseekIn, names: 0,
  run: (union: Union, req) => serve(union, req.nodeid, false),
})

export const fallocate = defineOp({
  opcode: Opcode.FALLOCATE, name: 'FALLOCATE', in: FallocateIn, names: 0,
  run: (union: Union, req) => serve(union, req.nodeid, true),
})

/** fsync(2) of a file that was never changed has nothing to do. */
export const fsync = defineOp({
  opcode: Opcode.FSYNC, name: 'FSYNC', in: FsyncIn, names: 0,
  run(union: Union, req) {
    const node = union.tree.node(req.nodeid)
    return union.branches[node.top]!.writable && node.kind === S_IFREG ? serve(union, req.nodeid, false) : 0
  },
})

const copyRange = (union: Union, source: number, target: number): number => {
  serve(union, target, true)
  return serve(union, source, false)
}

export const copyFileRange = defineOp({
  opcode: Opcode.COPY_FILE_RANGE, name: 'COPY_FILE_RANGE', in: CopyFileRangeIn, names: 0,
  run: (union: Union, req, arg) => copyRange(union, req.nodeid, arg.nodeid_out),
})

export const copyFileRange64 = defineOp({
  opcode: Opcode.COPY_FILE_RANGE_64, name: 'COPY_FILE_RANGE_64', in: CopyFileRangeIn, names: 0,
  run: (union: Union, req, arg) => copyRange(union, req.nodeid, arg.nodeid_out),
})
