/**
 * Which branch is written: what policies are asked, and what they see. A policy is a function of a situation; it knows
 * branches by index for the time of one question only, as the stack may change between two. What it answers is a wish:
 * a new name must also be seen where it is put (../reach.ts). Source: union-semantics section 8.
 */

/** The part of a branch a policy may look at. */
export interface PolicyBranch {
  readonly writable: boolean
  readonly space: {
    /** Bytes that may still be written, as of at most `maxAgeMs` ago. */
    freeBytes(maxAgeMs: number): number
    usedBytes(maxAgeMs: number): number
  }
  /** It belongs to a graft (../graft.ts). */
  readonly grafted?: boolean
}

/** A directory, by the branches that have it, top first. */
export interface PolicyDir {
  readonly top: number
  readonly branches: readonly number[]
}

/** Something new is to be made in `dir`. */
export interface Situation {
  /** Top first. */
  readonly branches: readonly PolicyBranch[]
  readonly dir: PolicyDir
  /** It is a directory. */
  readonly makesDir: boolean
  /** When the directory changed last on a branch that has it, in seconds. */
  modified(branch: number): number
  /** 0 <= random < 1. */
  random(): number
}

/** Arguments of a policy (config/policies.ts); those it does not take are 0. */
export interface PolicyArguments {
  readonly low: number
  readonly maxAgeMs: number
}

/** Answers the index of a writable branch, or -1 (EROFS). */
export type CreatePolicy = (at: Situation) => number

/**
 * Where the copy of an object of branch `from` in directory `dir` goes.
 * @returns an index < from, or -1 (EROFS)
 */
export type CopyUpPolicy = (branches: readonly PolicyBranch[], dir: PolicyDir, from: number) => number

/** Nearest writable branch at or above `index`, or -1. There is none for branches that are not of the union's own stack. */
export function writableAtOrAbove(branches: readonly Pick<PolicyBranch, 'writable' | 'grafted'>[], index: number): number {
  for (let b = index; b >= 0 && branches[b]!.grafted !== true; b--) if (branches[b]!.writable) return b
  return -1
}

/** Indices of the writable branches, top first. */
export function writableBranches({ branches }: Situation): number[] {
  return branches.flatMap((branch, index) => (branch.writable ? [index] : []))
}

/** Those of them that have the directory, top first. */
export function writableParts({ branches, dir }: Situation): number[] {
  return dir.branches.filter(index => branches[index]!.writable)
}

/** Those of `indices` with at least `low` bytes free. */
export function withRoom(at: Situation, indices: readonly number[], { low, maxAgeMs }: PolicyArguments): number[] {
  if (low === 0) return [...indices]
  return indices.filter(index => at.branches[index]!.space.freeBytes(maxAgeMs) >= low)
}

/** The first of `indices` for which `value` is greatest, -1 without any. */
export function greatest(indices: readonly number[], value: (index: number) => number): number {
  let best = -1
  let most = -Infinity
  for (const index of indices) {
    const now = value(index)
    if (now > most) [best, most] = [index, now]
  }
  return best
}
