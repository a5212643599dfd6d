/**
 * top-down-parent, aufs's default: the topmost branch that has the parent, if it is writable; else the nearest writable
 * one above.
 */
import { writableAtOrAbove, type PlacementPolicy } from './policy.js'

export const tdp: PlacementPolicy = {
  name: 'tdp',
  create: (branches, dir) => writableAtOrAbove(branches, dir.top),
  copyUp(branches, dir, from) {
    for (const b of dir.branches) if (b < from && branches[b]!.writable) return b
    return writableAtOrAbove(branches, from - 1)
  },
}
