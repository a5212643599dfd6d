/**
 * Taking a file's name away from its branch, so that it can be put back until all that belongs to it is done.
 * Beside (aufs): the whiteout first, then the name; an entry beside its whiteout counts. In place (overlayfs): the file is
 * renamed to a name of ours, and the same step leaves the whiteout.
 */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import type { Branch } from './branch.js'
import { ensureDir } from './copy-up.js'
import { dirfd } from './place.js'
import { liesOn, relink, whiteOut } from './remove.js'
import type { Named } from './rename.js'
import type { Union } from './union.js'

const RENAME_WHITEOUT = sys.constants['RENAME_WHITEOUT']!

/** A name that is gone. */
export interface Taken {
  putBack(): void
  /** It stays away. What cannot be cleaned up is left for the repair at the next mount. */
  settle(): void
}

/**
 * Take a name that is no directory away from `branch`; it lies there or only below.
 * @param hides whether something below would show through
 * @throws Errno; nothing has changed then
 */
export function takeAway(union: Union, named: Named, branch: Branch, hides: boolean): Taken {
  const { dir, name, node } = named
  // removalBranch() has just seen it there, if this is the name it went by.
  const seen = node.parent === dir && node.name === name && node.top === branch.index && !node.indexed && node.fd < 0
  const there = seen || liesOn(union, dir, name, branch.index)
  return hides && there && branch.whitesOver(name)
    ? takeInPlace(union, named, branch)
    : takeBeside(union, named, branch, hides, there)
}

function takeInPlace(union: Union, { dir, name }: Named, branch: Branch): Taken {
  ensureDir(union, dir, branch.index)
  const at = dirfd(union, dir, branch.index)
  const temp = branch.tempBeside()
  dir.listing?.whited(branch.index)
  must(sys.renameat2(at, name, at, temp, RENAME_WHITEOUT), 'renameat2', name)
  return {
    putBack: () => { sys.renameat2(at, temp, at, name, 0) },
    settle: () => { sys.unlinkat(at, temp, 0) },
  }
}

function takeBeside(union: Union, { dir, name, node }: Named, branch: Branch, hides: boolean, there: boolean): Taken {
  if (hides) whiteOut(union, dir, name, branch)
  const unhide = (): void => { if (hides) branch.unhide(dirfd(union, dir, branch.index), name) }
  try {
    if (there) must(sys.unlinkat(dirfd(union, dir, branch.index), name, 0), 'unlinkat', name)
  } catch (error) {
    unhide()
    throw error
  }
  return {
    putBack: () => {
      if (there) relink(union, node, dir, name, branch)
      unhide()
    },
    settle: () => {},
  }
}
