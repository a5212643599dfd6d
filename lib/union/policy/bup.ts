/** bottom-up-parent: the nearest writable branch above the source that has the parent, else the nearest above the parent. */
import { writableAtOrAbove, type CopyUpPolicy } from './policy.js'

export const bup: CopyUpPolicy = (branches, dir, from) => {
  for (let b = from - 1; b > dir.top; b--) if (branches[b]!.writable && dir.branches.includes(b)) return b
  return writableAtOrAbove(branches, Math.min(dir.top, from - 1))
}
