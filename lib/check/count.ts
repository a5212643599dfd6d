/**
 * How many names link groups have in the union: of those copied up, the ones on the branch, and the ones below that show.
 * A walk over all that is seen, made only where there are groups; it remembers a number per group.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno } from '../os/errno.js'
import { S_IFDIR, st } from '../os/stat.js'
import { groupKey } from '../union/link-group.js'
import { closeFound, probe, type DirView, type Found } from '../union/lookup.js'
import { parseOrigin, readPrivate } from '../union/xattr-keys.js'
import type { Context } from './context.js'
import { viewOf } from './walk.js'

const value = Buffer.alloc(4096)

/** Names by group key, for the groups of `ctx.branch`; keys without a name are left out. */
export function countNames(ctx: Context, wanted: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>()
  const { branches } = ctx.stack
  const visit = (view: DirView): void => {
    for (const b of view.branches) {
      const raw = sys.readdir(view.fd(b))
      if (typeof raw === 'number') continue // the walk has said so
      const { format } = branches[b]!
      for (const [i, name] of raw.names.entries()) {
        if (format.classify(name) !== 'entry') continue
        if (raw.types[i] === S_IFDIR >> 12) {
          const found = showing(ctx, view, name, b)
          if (found !== null) {
            visit(viewOf(found, view, name))
            closeFound(found)
          }
          continue
        }
        const key = keyOf(ctx, view.fd(b), b, name)
        if (key === null || !wanted.has(key)) continue
        const found = showing(ctx, view, name, b)
        if (found === null) continue
        closeFound(found)
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    }
  }
  visit({ branches: branches.map(branch => branch.index), fd: b => branches[b]!.fd, lower: () => '' })
  return counts
}

/** What the union shows under a name, if that is on branch `b`. */
function showing(ctx: Context, view: DirView, name: Bytes, b: number): Found | null {
  try {
    const found = probe(ctx.stack, view, name)
    if (found === null || found.top === b) return found
    closeFound(found)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
  }
  return null
}

/** The group a name may belong to: the one stored with a copy, else that of its own inode. */
function keyOf(ctx: Context, dirfd: number, b: number, name: Bytes): string | null {
  const branch = ctx.stack.branches[b]!
  if (sys.statx(dirfd, name) < 0) return null
  const own = groupKey(branch.fsid, st.inoLow, st.inoHigh)
  const linked = st.nlink > 1
  try {
    const length = readPrivate(dirfd, name, branch.keys.origin, value)
    const origin = length === 0 ? null : parseOrigin(value.toString('latin1', 0, length))
    if (origin?.grouped === true) return groupKey(origin.fsid, origin.low, origin.high)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
  }
  return linked && b > ctx.branch.index ? own : null
}
