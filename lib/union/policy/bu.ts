/** bottom-up: the nearest writable branch above the source, whether it has the parent or not. */
import { writableAtOrAbove, type CopyUpPolicy } from './policy.js'

export const bu: CopyUpPolicy = (branches, _dir, from) => writableAtOrAbove(branches, from - 1)
