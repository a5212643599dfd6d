/** Two stacks of branches side by side: what differs, and directories seen in either. */
import { sys, type Bytes } from '../../os/native.js'
import { Errno } from '../../os/errno.js'
import type { Branch } from '../branch.js'
import type { DirView, Found, Layers } from '../lookup.js'
import { join, lastAt } from '../redirect.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!

/** Ids of branches that only one has, or that are read otherwise; of all, if those that stay are in another order. */
export function touchedBetween(old: readonly Branch[], next: readonly Branch[]): Set<number> {
  const stay = next.filter(({ id }) => old.some((each) => each.id === id))
  const before = old.filter(({ id }) => next.some((each) => each.id === id))
  const moved = stay.some(({ id }, i) => before[i]!.id !== id)
  const touched = new Set<number>()
  for (const { id } of [...old, ...next]) {
    const was = old.find((each) => each.id === id)
    const is = next.find((each) => each.id === id)
    const same = was !== undefined && is !== undefined && was.whiteable === is.whiteable && was.format === is.format
    if (moved || !same) touched.add(id)
  }
  return touched
}

/** The root of a stack. */
export function rootView({ branches }: Layers): DirView {
  return { branches: branches.map((_, b) => b), fd: (b) => branches[b]!.fd, lower: () => '' }
}

/** A directory that was found in another; what is opened of it goes to `found.fds`. */
export function viewOfFound({ branches }: Layers, found: Found, above: DirView, name: Bytes): DirView {
  const fds = found.fds ??= new Map()
  return {
    branches: found.branches,
    fd: (b) => {
      const known = fds.get(b)
      if (known !== undefined) return known
      const path = found.paths?.get(b)
      const fd = sys.openBeneath(path === undefined ? above.fd(b) : branches[b]!.fd, path ?? name, O_PATH_DIR)
      if (fd < 0) throw new Errno(-fd, 'openat2', name)
      fds.set(b, fd)
      return fd
    },
    lower: (at) => lastAt(found.redirects, at)?.path ?? join(above.lower(at), name),
  }
}
