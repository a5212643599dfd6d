/**
 * Where a change would go, and why: the policies asked as an operation would ask them.
 */
import type { Bytes } from '../os/native.js'
import { Errno } from '../os/errno.js'
import type { DirNode, Node } from './node.js'
import { copyTarget } from './reach.js'
import type { Union } from './union.js'

/** Which branch would be written. */
export interface Plan {
  /** Its index; -1 if none can be (EROFS). */
  readonly branch: number
  /** The policy that was asked, by its option: `create=tdp`; '' if there was nothing to choose. */
  readonly policy: string
  readonly reason: string
}

const NONE = 'no writable branch where it would be seen'

/** The branch that `choose` answers, in words. */
function plan(policy: string, dir: DirNode, choose: () => number): Plan {
  try {
    const branch = choose()
    return { branch, policy, reason: reasonFor(dir, branch) }
  } catch (error) {
    if (error instanceof Errno) return { branch: -1, policy, reason: NONE }
    throw error
  }
}

/** A new entry in `dir`, of this name or '' for any. Asked as for a directory, which takes nobody's turn (rr.ts). */
export function creationPlan(union: Union, dir: DirNode, name: Bytes): Plan {
  return plan(`create=${union.config.create.name}`, dir, () => union.creationBranch(dir, name, true).index)
}

/** A change of `node` itself. */
export function changePlan(union: Union, node: Node): Plan {
  const { parent, top } = node
  if (union.branches[top]!.writable) return { branch: top, policy: '', reason: 'it lies there' }
  const policy = `cpup=${union.config.cpup.name}`
  return parent === null ? { branch: -1, policy, reason: NONE } : plan(policy, parent, () => copyTarget(union, parent, top))
}

function reasonFor(dir: DirNode, branch: number): string {
  if (!dir.branches.includes(branch)) return 'the directory will be copied there'
  return dir.branches.length === 1 ? 'the directory is there' : 'it has the directory'
}
