/** pmfs, until the branch it chooses has less than `low` bytes; then mfsrr, wherever the parent is. */
import { mfsrr } from './mfsrr.js'
import { pmfs } from './pmfs.js'
import type { CreatePolicy, PolicyArguments } from './policy.js'

export const pmfsrr = (args: PolicyArguments): CreatePolicy => {
  const parent = pmfs(args)
  const anywhere = mfsrr(args)
  return at => {
    const chosen = parent(at)
    return chosen < 0 || at.branches[chosen]!.space.freeBytes(args.maxAgeMs) >= args.low ? chosen : anywhere(at)
  }
}
