/**
 * mergerfs's policies choose among the branches that have at least `low` bytes free (its minfreespace). Where none has,
 * mergerfs gives ENOSPC; here it is mfs then, as with aufs's policies that know a limit.
 */
import { mfs } from './mfs.js'
import { withRoom, writableBranches, type CreatePolicy, type PolicyArguments, type Situation } from './policy.js'

/**
 * A policy that picks one of the branches with room.
 * @param pick gets their indices, top first, at least one; -1 if it wants none of them
 */
export function amongRoomy(args: PolicyArguments, pick: (at: Situation, roomy: readonly number[]) => number): CreatePolicy {
  const most = mfs(args)
  return at => {
    const roomy = withRoom(at, writableBranches(at), args)
    return roomy.length === 0 ? most(at) : pick(at, roomy)
  }
}
