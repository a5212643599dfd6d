/**
 * round-robin: one writable branch after the other, from the bottommost up, then again. A new directory does not use a
 * turn up: aufs, and a tree of directories with one file each is spread all the same.
 */
import { writableBranches, type CreatePolicy } from './policy.js'

/** A round of its own. */
export const rr = (): CreatePolicy => {
  let turn = 0
  return at => {
    const order = writableBranches(at).reverse()
    if (order.length === 0) return -1
    const chosen = order[turn % order.length]!
    if (!at.makesDir) turn++
    return chosen
  }
}
