/** RMDIR: only of what is empty in the union; whiteouts in it go with it. Source: rmdir(2); union-semantics 4.4. */
import { sys } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { isEmpty } from '../union/listings.js'
import { lookup } from '../union/lookup.js'
import type { DirNode } from '../union/node.js'
import { slot } from '../union/place.js'
import { holdOpen, removalBranch, removeDir, visibleBelow, whiteOut } from '../union/remove.js'
import type { Union } from '../union/union.js'
import { checkLookupName } from './shared/check-name.js'
import { loseName } from './shared/publish-names.js'

const AT_REMOVEDIR = sys.constants['AT_REMOVEDIR']!

/**
 * Empty parts on writable branches go, from the bottom: a policy that spreads what is new leaves them everywhere, and
 * without them no whiteout is needed, below which nothing could be put any more. What stays is hidden.
 */
function removeLowerParts(union: Union, node: DirNode, to: number): void {
  for (const b of [...node.branches].reverse()) {
    if (b <= to || !union.branches[b]!.writable) continue
    if (node.paths?.has(b)) continue
    const at = slot(union, node.parent!, b, node.name)
    if (sys.unlinkat(at.dirfd, at.name, AT_REMOVEDIR) === 0) union.losePart(node, b)
  }
}

export const rmdir = defineOp({
  opcode: Opcode.RMDIR, name: 'RMDIR', in: null, names: 1,
  run(union: Union, req, _arg, name) {
    const dir = union.tree.dir(req.nodeid)
    checkLookupName(name, false)
    const node = dir.children.get(name) ?? lookup(union, dir, name)
    if (node === null) throw new Errno(E.ENOENT, 'rmdir', name)
    if (!node.isDir()) throw new Errno(E.ENOTDIR, 'rmdir', name)
    if (!isEmpty(union, node)) throw new Errno(E.ENOTEMPTY, 'rmdir', name)
    const to = removalBranch(union, dir, node)
    const branch = union.branches[to]!
    const kept = holdOpen(union, node)
    try {
      removeLowerParts(union, node, to)
      const hides = visibleBelow(union, dir, name, to)
      const there = node.branches.includes(to)
      const leave = hides && there && branch.whitesOver(name)
      if (hides && !leave) whiteOut(union, dir, name, branch)
      if (leave) dir.listing?.whited(to)
      if (there) {
        try {
          removeDir(branch, slot(union, dir, to, name), leave)
        } catch (error) {
          if (hides && !leave) branch.unhide(slot(union, dir, to, name).dirfd, name)
          throw error
        }
      }
    } catch (error) {
      if (kept >= 0) sys.close(kept)
      throw error
    }
    loseName(union, { dir, name, node }, kept)
    return 0
  },
})
