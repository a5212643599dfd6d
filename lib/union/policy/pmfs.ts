/**
 * parent, most free space: where several branches have the parent, the writable one of them with the most room, of equal
 * ones the upper; else tdp.
 */
import { greatest, writableParts, type CreatePolicy, type PolicyArguments } from './policy.js'
import { tdp } from './tdp.js'

export const pmfs = ({ maxAgeMs }: Pick<PolicyArguments, 'maxAgeMs'>): CreatePolicy => at => {
  if (at.dir.branches.length < 2) return tdp(at)
  const most = greatest(writableParts(at), b => at.branches[b]!.space.freeBytes(maxAgeMs))
  return most >= 0 ? most : tdp(at)
}
