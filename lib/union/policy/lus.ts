/** least used space (mergerfs): the branch whose file system holds the fewest bytes. */
import { amongRoomy } from './candidates.js'
import { greatest, type CreatePolicy, type PolicyArguments } from './policy.js'

export const lus = (args: PolicyArguments): CreatePolicy =>
  amongRoomy(args, (at, roomy) => greatest(roomy, b => -at.branches[b]!.space.usedBytes(args.maxAgeMs)))
