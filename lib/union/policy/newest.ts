/** newest (mergerfs): the branch on which the parent changed last; what is written together stays together. */
import { amongRoomy } from './candidates.js'
import { greatest, type CreatePolicy, type PolicyArguments } from './policy.js'
import { tdp } from './tdp.js'

export const newest = (args: PolicyArguments): CreatePolicy => amongRoomy(args, (at, roomy) => {
  const latest = greatest(at.dir.branches.filter(b => roomy.includes(b)), b => at.modified(b))
  return latest >= 0 ? latest : tdp(at)
})
