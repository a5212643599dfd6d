/**
 * top-down, else most free space: the first writable branch from the top with more than `low` bytes, no deeper than the
 * lowest branch that has the parent; without any, mfs.
 */
import { mfs } from './mfs.js'
import { writableBranches, type CreatePolicy, type PolicyArguments } from './policy.js'

export const tdmfs = ({ low, maxAgeMs }: PolicyArguments): CreatePolicy => {
  const most = mfs({ maxAgeMs })
  return at => {
    const lowest = at.dir.branches[at.dir.branches.length - 1]!
    const roomy = writableBranches(at).find(b => b <= lowest && at.branches[b]!.space.freeBytes(maxAgeMs) > low)
    return roomy ?? most(at)
  }
}
