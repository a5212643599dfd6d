/**
 * MKDIR: a new directory is opaque only where something would else show through: a whiteout was there, or diropq=always.
 * The whiteout itself ends the merge until the mark is made and it is removed. Source: union-semantics 4.2.
 */
import { sys } from '../os/native.js'
import { E, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { MkdirIn } from '../fuse/structs.js'
import { startListing } from '../union/listings.js'
import { DirNode } from '../union/node.js'
import { mayHoldWhiteouts } from '../union/remove.js'
import type { Union } from '../union/union.js'
import { makeEntry, prepareEntry, publishEntry, type Target } from './shared/create-entry.js'
import { entryReply } from './shared/entry-reply.js'
import { ownerGid, ownerUid } from './shared/owner.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!

function mark(at: Target): number {
  const fd = sys.openBeneath(at.dirfd, at.made, O_PATH_DIR)
  if (fd < 0) return fd
  const rc = at.branch.format.setOpaque(fd)
  sys.close(fd)
  return rc
}

function makeOpaque(at: Target): void {
  let rc = mark(at)
  if (rc === -E.EACCES) {
    // A daemon without privilege, and a mode that keeps its owner out.
    must(sys.statx(at.dirfd, at.made), 'statx', at.name)
    const mode = st.mode & 0o7777
    must(sys.chmod(at.dirfd, at.made, mode | 0o700), 'fchmodat', at.name)
    rc = mark(at)
    must(sys.chmod(at.dirfd, at.made, mode), 'fchmodat', at.name)
  }
  must(rc, 'opaque', at.name)
}

export const mkdir = defineOp({
  opcode: Opcode.MKDIR, name: 'MKDIR', in: MkdirIn, names: 1,
  run(union: Union, req, { mode, umask }, name) {
    const at = prepareEntry(union, req.nodeid, name, true)
    const { dir, branch } = at
    const beside = mayHoldWhiteouts(dir, branch.index) && branch.format.hidesBeside(at.dirfd, name)
    makeEntry(at, 'mkdirat', made => sys.mkdirAs(at.dirfd, made, mode, ownerUid(union, req), ownerGid(union, req), umask))
    const whited = beside || at.made !== name
    const undo = (): void => {
      const fd = sys.openBeneath(at.dirfd, at.made, O_PATH_DIR)
      if (fd >= 0) {
        branch.format.clearOpaque(fd)
        sys.close(fd)
      }
      sys.unlinkat(at.dirfd, at.made, C['AT_REMOVEDIR']!)
    }
    try {
      if (whited || union.config.diropq === 'always') makeOpaque(at)
    } catch (error) {
      undo()
      throw error
    }
    const node = publishEntry(union, at, undo)
    if (node instanceof DirNode) startListing(union, node)
    return entryReply(union, req, node)
  },
})
