/**
 * OPEN and RELEASE. In cached mode the answer is ENOSYS and the kernel stops asking: nothing is decided at open, files are
 * served by node. Where an open must be seen (passthrough, coo, moo, read-only branches on top) it is answered.
 * Source: open(2); fuse_file_open in fs/fuse/file.c; design section 3.
 */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFREG } from '../os/stat.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Fopen, Opcode } from '../fuse/abi.js'
import { openOut } from '../fuse/reply.js'
import { OpenIn, ReleaseIn } from '../fuse/structs.js'
import { copyUp } from '../union/copy-up.js'
import { copyOnOpen } from '../union/copy-on-open.js'
import { ensureData } from '../union/data.js'
import { writableAtOrAbove } from '../union/policy/policy.js'
import type { Handle } from '../union/passthrough.js'
import { place } from '../union/place.js'
import type { Union } from '../union/union.js'
import { killPrivilege } from './setattr.js'

const C = sys.constants
const O_ACCMODE = C['O_ACCMODE']!
const O_TRUNC = C['O_TRUNC']!
const OPEN_KILL_SUIDGID = 1

/** FOPEN_* flags of a handle: what is cached stays cached, as a node is the identity of its data. */
export function openFlags(handle: Handle): number {
  if (handle.kind === 'passthrough') return Fopen.PASSTHROUGH
  return handle.keepCache ? Fopen.KEEP_CACHE : 0
}

export const open = defineOp({
  opcode: Opcode.OPEN, name: 'OPEN', in: OpenIn, names: 0,
  run(union: Union, req, { flags, open_flags: more }) {
    if (union.noOpen) return -E.ENOSYS
    const node = union.tree.node(req.nodeid)
    if (node.kind !== S_IFREG) return openOut(req.out, HEADER, 0, 0, 0)
    const writes = (flags & O_ACCMODE) !== 0
    const truncates = (flags & O_TRUNC) !== 0
    copyOnOpen(union, node)
    if (writes && writableAtOrAbove(union.branches, node.top) < 0) throw new Errno(E.EROFS, 'open', node.name)
    if (union.passthrough.on && (writes || truncates)) copyUp(union, node, truncates ? 0 : Infinity)
    if (truncates) {
      copyUp(union, node, 0)
      ensureData(union, node, true)
      must(sys.ftruncate(sys.dataFd(node.id, 1), 0), 'ftruncate', node.name)
      if ((more & OPEN_KILL_SUIDGID) !== 0) killPrivilege(union, req, place(union, node))
    }
    const handle = union.passthrough.open(union, node, flags)
    union.opens?.add(node)
    return openOut(req.out, HEADER, handle.fh, openFlags(handle), handle.backingId)
  },
})

export const release = defineOp({
  opcode: Opcode.RELEASE, name: 'RELEASE', in: ReleaseIn, names: 0,
  run(union: Union, { nodeid }, { fh }) {
    union.passthrough.release(fh)
    union.opens?.remove(union.tree.node(nodeid))
    return 0
  },
})
