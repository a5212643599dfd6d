/** most-free-space: of all writable branches the one with the most room, of equal ones the lowest. */
import { greatest, writableBranches, type CreatePolicy, type PolicyArguments } from './policy.js'

export const mfs = ({ maxAgeMs }: Pick<PolicyArguments, 'maxAgeMs'>): CreatePolicy => at =>
  greatest(writableBranches(at).reverse(), b => at.branches[b]!.space.freeBytes(maxAgeMs))
