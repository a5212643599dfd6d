/**
 * Which branch is written: the interface of placement policies and the registry. Policies see branches by index and
 * directory membership, never an fd. Source: union-semantics section 8.
 */
import type { DirNode } from '../node.js'
import { tdp } from './tdp.js'

/** The part of a branch a policy may look at. */
export interface PolicyBranch {
  readonly writable: boolean
}

export interface PlacementPolicy {
  readonly name: string
  /**
   * Branch for a new entry in `dir`.
   * @returns its index, or -1 if none may be written (EROFS)
   */
  create(branches: readonly PolicyBranch[], dir: DirNode): number
  /**
   * Branch for the copy of an object of branch `from` in directory `dir`.
   * @returns an index < from, or -1 (EROFS)
   */
  copyUp(branches: readonly PolicyBranch[], dir: DirNode, from: number): number
}

/** Nearest writable branch at or above `index`, or -1. */
export function writableAtOrAbove(branches: readonly PolicyBranch[], index: number): number {
  for (let b = index; b >= 0; b--) if (branches[b]!.writable) return b
  return -1
}

/** Every policy by its aufs name. */
export const policies: Readonly<Record<string, PlacementPolicy>> = { tdp }
