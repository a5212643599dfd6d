/** most free space, else round-robin: mfs, until even that branch has less than `low` bytes. */
import { mfs } from './mfs.js'
import type { CreatePolicy, PolicyArguments } from './policy.js'
import { rr } from './rr.js'

export const mfsrr = ({ low, maxAgeMs }: PolicyArguments): CreatePolicy => {
  const most = mfs({ maxAgeMs })
  const round = rr()
  return at => {
    const chosen = most(at)
    return chosen >= 0 && at.branches[chosen]!.space.freeBytes(maxAgeMs) >= low ? chosen : round(at)
  }
}
