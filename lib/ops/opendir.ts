/**
 * OPENDIR, RELEASEDIR, FSYNCDIR. With udba=none the kernel stops asking and keeps listings itself; else every scan is ours,
 * as a branch may have changed.
 */
import { sys } from '../os/native.js'
import { E, must } from '../os/errno.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { openOut } from '../fuse/reply.js'
import { FsyncIn, OpenIn, ReleaseIn } from '../fuse/structs.js'
import { copyOnOpen } from '../union/copy-on-open.js'
import { dirfd } from '../union/place.js'
import type { Union } from '../union/union.js'

const O_RDONLY_DIR = sys.constants['O_RDONLY']! | sys.constants['O_DIRECTORY']!

export const opendir = defineOp({
  opcode: Opcode.OPENDIR, name: 'OPENDIR', in: OpenIn, names: 0,
  run(union: Union, req) {
    if (union.noOpendir) return -E.ENOSYS
    copyOnOpen(union, union.tree.dir(req.nodeid))
    return openOut(req.out, HEADER, 0, 0, 0)
  },
})

export const releasedir = defineOp({
  opcode: Opcode.RELEASEDIR, name: 'RELEASEDIR', in: ReleaseIn, names: 0,
  run: () => 0,
})

/** Each writable branch's copy of the directory. */
export const fsyncdir = defineOp({
  opcode: Opcode.FSYNCDIR, name: 'FSYNCDIR', in: FsyncIn, names: 0,
  run(union: Union, req, { fsync_flags: flags }) {
    const dir = union.tree.dir(req.nodeid)
    for (const b of dir.branches) {
      if (!union.branches[b]!.writable) continue
      const fd = must(sys.openat(dirfd(union, dir, b), '.', O_RDONLY_DIR, 0), 'open', dir.name)
      const rc = sys.fsync(fd, flags & 1)
      sys.close(fd)
      must(rc, 'fsync', dir.name)
    }
    return 0
  },
})
