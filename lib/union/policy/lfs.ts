/** least free space (mergerfs): fills one branch after the other, each down to `low`. */
import { amongRoomy } from './candidates.js'
import { greatest, type CreatePolicy, type PolicyArguments } from './policy.js'

export const lfs = (args: PolicyArguments): CreatePolicy =>
  amongRoomy(args, (at, roomy) => greatest(roomy, b => -at.branches[b]!.space.freeBytes(args.maxAgeMs)))
