/** TMPFILE: a regular file without a name, which LINK may give it later. Source: open(2), O_TMPFILE. */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFREG, st } from '../os/stat.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { openOut } from '../fuse/reply.js'
import { CreateIn } from '../fuse/structs.js'
import { ensureDir } from '../union/copy-up.js'
import { Node } from '../union/node.js'
import { dirfd } from '../union/place.js'
import type { Union } from '../union/union.js'
import { putEntry } from './shared/entry-reply.js'
import { openFlags } from './open.js'
import { ownerGid, ownerUid } from './shared/owner.js'

const O_RDWR = sys.constants['O_RDWR']!

export const tmpfile = defineOp({
  opcode: Opcode.TMPFILE, name: 'TMPFILE', in: CreateIn, names: 1,
  run(union: Union, req, { flags, mode, umask }) {
    const dir = union.tree.dir(req.nodeid)
    if (dir.parent === null && dir !== union.tree.root) throw new Errno(E.ENOENT, 'O_TMPFILE', dir.name)
    const branch = union.creationBranch(dir, '')
    ensureDir(union, dir, branch.index)
    const at = dirfd(union, dir, branch.index)
    const fd = must(sys.tmpfileAs(at, O_RDWR, mode & 0o7777, ownerUid(union, req), ownerGid(union, req), umask), 'O_TMPFILE', dir.name)
    const rc = sys.statx(fd, '')
    if (rc < 0) sys.close(fd)
    must(rc, 'statx', dir.name)
    const node = new Node(S_IFREG, union.inos.of(branch.fsid, st.inoLow, st.inoHigh), null, '', branch.index)
    union.tree.add(node)
    union.tree.hold(node, fd)
    union.statOf = node
    const handle = union.passthrough.open(union, node, flags, true)
    union.opens?.add(node)
    const length = putEntry(union, req, node, HEADER)
    return length + openOut(req.out, HEADER + length, handle.fh, openFlags(handle), handle.backingId)
  },
})
