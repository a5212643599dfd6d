/**
 * READ, WRITE, FSYNC, LSEEK, FALLOCATE and COPY_FILE_RANGE come to JavaScript only when the addon's table lacks the node's
 * file, or with moveonenospc when it has found no space: have the file there, on a writable branch (with room) for what
 * changes it, and hand the request back.
 */
import { Errno, E } from '../os/errno.js'
import { S_IFREG } from '../os/stat.js'
import { defineOp, SERVE, type Request } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { CopyFileRangeIn, FallocateIn, FsyncIn, LseekIn, ReadIn, WriteIn } from '../fuse/structs.js'
import { copyUp } from '../union/copy-up.js'
import { ensureData } from '../union/data.js'
import { makeRoom } from '../union/make-room.js'
import type { Union } from '../union/union.js'

/** What the data plane copies in one go. */
const COPY_MAX = 64 * 1024 * 1024

function serve(union: Union, nodeid: number, writes: boolean): number {
  const node = union.tree.node(nodeid)
  if (node.kind !== S_IFREG) throw new Errno(E.EINVAL, 'open', node.name)
  if (writes) copyUp(union, node)
  ensureData(union, node, writes)
  return SERVE
}

/** The same for `bytes` that are written to `nodeid`. */
function serveWrite(union: Union, { full, attempts }: Request, nodeid: number, bytes: number): number {
  if (full !== 0) makeRoom(union, union.tree.node(nodeid), { errno: full, attempts, bytes })
  return serve(union, nodeid, true)
}

export const read = defineOp({
  opcode: Opcode.READ, name: 'READ', in: ReadIn, names: 0,
  run: (union: Union, req) => serve(union, req.nodeid, false),
})

export const write = defineOp({
  opcode: Opcode.WRITE, name: 'WRITE', in: WriteIn, names: 0,
  run: (union: Union, req, { size }) => serveWrite(union, req, req.nodeid, size),
})

export const lseek = defineOp({
  opcode: Opcode.LSEEK, name: 'LSEEK', in: LseekIn, names: 0,
  run: (union: Union, req) => serve(union, req.nodeid, false),
})

export const fallocate = defineOp({
  opcode: Opcode.FALLOCATE, name: 'FALLOCATE', in: FallocateIn, names: 0,
  run: (union: Union, req, { length }) => serveWrite(union, req, req.nodeid, length),
})

/** fsync(2) of a file that was never changed has nothing to do. */
export const fsync = defineOp({
  opcode: Opcode.FSYNC, name: 'FSYNC', in: FsyncIn, names: 0,
  run(union: Union, req) {
    const node = union.tree.node(req.nodeid)
    return union.branches[node.top]!.writable && node.kind === S_IFREG ? serve(union, req.nodeid, false) : 0
  },
})

const copyRange = (union: Union, req: Request, target: number, bytes: number): number => {
  serveWrite(union, req, target, Math.min(bytes, COPY_MAX))
  return serve(union, req.nodeid, false)
}

export const copyFileRange = defineOp({
  opcode: Opcode.COPY_FILE_RANGE, name: 'COPY_FILE_RANGE', in: CopyFileRangeIn, names: 0,
  run: (union: Union, req, arg) => copyRange(union, req, arg.nodeid_out, arg.len),
})

export const copyFileRange64 = defineOp({
  opcode: Opcode.COPY_FILE_RANGE_64, name: 'COPY_FILE_RANGE_64', in: CopyFileRangeIn, names: 0,
  run: (union: Union, req, arg) => copyRange(union, req, arg.nodeid_out, arg.len),
})
