/** random (mergerfs): any writable branch with room. */
import { amongRoomy } from './candidates.js'
import type { CreatePolicy, PolicyArguments } from './policy.js'

export const rand = (args: PolicyArguments): CreatePolicy =>
  amongRoomy(args, (at, roomy) => roomy[Math.floor(at.random() * roomy.length)]!)
