/** UNLINK: the name goes from the writable branch; what would show through is whited out. Nothing is copied up. */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { lookup } from '../union/lookup.js'
import { dirfd } from '../union/place.js'
import { holdOpen, liesOn, removalBranch, uncount, visibleBelow, whiteOut } from '../union/remove.js'
import type { Union } from '../union/union.js'
import { checkLookupName } from './shared/check-name.js'
import { loseName } from './shared/publish-names.js'

export const unlink = defineOp({
  opcode: Opcode.UNLINK, name: 'UNLINK', in: null, names: 1,
  run(union: Union, req, _arg, name) {
    const dir = union.tree.dir(req.nodeid)
    checkLookupName(name, false)
    const node = dir.children.get(name) ?? lookup(union, dir, name)
    if (node === null) throw new Errno(E.ENOENT, 'unlink', name)
    if (node.isDir()) throw new Errno(E.EISDIR, 'unlink', name)
    const to = removalBranch(union, dir, node)
    const branch = union.branches[to]!
    const hides = visibleBelow(union, dir, name, to)
    const kept = holdOpen(union, node)
    try {
      if (hides) whiteOut(union, dir, name, branch)
      if (liesOn(union, dir, name, to)) {
        const rc = sys.unlinkat(dirfd(union, dir, to), name, 0)
        if (rc < 0 && hides) branch.format.remove(dirfd(union, dir, to), name)
        must(rc, 'unlinkat', name)
      }
      uncount(union, node, to)
    } catch (error) {
      if (kept >= 0) sys.close(kept)
      throw error
    }
    loseName(union, { dir, name, node }, kept)
    return 0
  },
})
