/** UNLINK: the name goes from the writable branch; what would show through is whited out. Nothing is copied up. */
import { sys } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { lookup } from '../union/lookup.js'
import type { Branch } from '../union/branch.js'
import type { Plan } from '../union/link-group.js'
import { holdOpen, planUncount, removalBranch, visibleBelow } from '../union/remove.js'
import type { Named } from '../union/rename.js'
import { takeAway } from '../union/take-away.js'
import type { Union } from '../union/union.js'
import { checkLookupName } from './shared/check-name.js'
import { loseName } from './shared/publish-names.js'

/** Take the name away: whiteout, name, count; all or nothing. */
function act(union: Union, named: Named, branch: Branch, hides: boolean, plan: Plan): void {
  const taken = takeAway(union, named, branch, hides)
  try {
    plan.commit()
  } catch (error) {
    taken.putBack()
    throw error
  }
  taken.settle()
}

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
    const plan = planUncount(union, { dir, name, node }, to)
    let kept = -1
    try {
      kept = holdOpen(union, node)
      act(union, { dir, name, node }, branch, hides, plan)
    } catch (error) {
      plan.cancel()
      if (kept >= 0) sys.close(kept)
      throw error
    }
    loseName(union, { dir, name, node }, kept)
    return 0
  },
})
