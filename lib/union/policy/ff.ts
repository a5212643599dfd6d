/** first found (mergerfs): the topmost writable branch with room, whether it has the parent or not. */
import { amongRoomy } from './candidates.js'
import type { CreatePolicy, PolicyArguments } from './policy.js'

export const ff = (args: PolicyArguments): CreatePolicy => amongRoomy(args, (_at, roomy) => roomy[0]!)
