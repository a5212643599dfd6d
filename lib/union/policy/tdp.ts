/**
 * top-down-parent, aufs's default: the topmost branch that has the parent, if it is writable; else the nearest writable
 * one above.
 */
import { writableAtOrAbove, type CopyUpPolicy, type CreatePolicy } from './policy.js'

export const tdp: CreatePolicy = ({ branches, dir }) => writableAtOrAbove(branches, dir.top)

/** For copies: the topmost writable branch above the source that has the parent, else the nearest above the source. */
export const tdpCopyUp: CopyUpPolicy = (branches, dir, from) => {
  if (branches[from]!.grafted === true) return -1
  for (const b of dir.branches) if (b < from && branches[b]!.writable) return b
  return writableAtOrAbove(branches, from - 1)
}
