/**
 * existing path, most free space (mergerfs): of the branches that have the parent the one with the most room; where none
 * may be written or has `low` bytes, tdp.
 */
import { greatest, withRoom, writableParts, type CreatePolicy, type PolicyArguments } from './policy.js'
import { tdp } from './tdp.js'

export const epmfs = (args: PolicyArguments): CreatePolicy => at => {
  const most = greatest(withRoom(at, writableParts(at), args), b => at.branches[b]!.space.freeBytes(args.maxAgeMs))
  return most >= 0 ? most : tdp(at)
}
