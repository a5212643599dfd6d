/**
 * What each branch says of one name in a merged directory, told apart: for people who want to know why. The merge rule
 * itself is in lookup.ts; here is no decision, only the reasons for it.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { S_IFDIR, st } from '../os/stat.js'
import type { Branch } from './branch.js'
import type { DirNode } from './node.js'
import { dirfd, entryPath } from './place.js'
import type { Union } from './union.js'

const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!

/** What keeps the branches below out: `file` stands for everything that is no directory. */
export type Why = 'whiteout' | 'opaque' | 'redirect' | 'file' | 'directory'

/** Something that ends the search, and where: a path from the root of branch `branch`. */
export interface Cut {
  readonly why: Why
  readonly branch: number
  readonly at: Bytes
}

/** One branch on one name. */
export interface Said {
  readonly branch: number
  /** Path of the name on it. */
  readonly at: Bytes
  /** S_IFMT bits of what is there, 0 for nothing. */
  readonly kind: number
  /** Why that is not seen, or null if it is. */
  readonly hidden: Cut | null
  /** Path of a whiteout that nobody honours: the branch is read-only without `+wh`. '' for none. */
  readonly unheeded: Bytes
}

/** What there is under `name`: S_IFMT bits, 0 for nothing. @throws Errno EIO, ... */
function kindOf(fd: number, name: Bytes): number {
  const rc = sys.statx(fd, name)
  if (rc === -E.ENOENT || rc === -E.ENOTDIR || rc === -E.ENAMETOOLONG) return 0
  if (rc < 0) throw new Errno(-rc, 'statx', name)
  return st.kind
}

/** What a directory under `name` in `fd` has to say of its lower parts. */
function dirMark(branch: Branch, fd: number, name: Bytes, redirected: boolean): Why | null {
  if (redirected) return 'redirect'
  const own = sys.openBeneath(fd, name, O_PATH_DIR)
  if (own < 0) throw new Errno(-own, 'openat2', name)
  try {
    return branch.isOpaque(own) ? 'opaque' : null
  } finally {
    sys.close(own)
  }
}

/**
 * Ask every branch of `dir`, top first.
 * @param child the directory the union shows there, if it is one: it knows its redirects
 * @throws Errno of a branch that cannot be asked
 */
export function sayings(union: Union, dir: DirNode, name: Bytes, child: DirNode | null): { said: Said[], cut: Cut | null } {
  const said: Said[] = []
  let cut: Cut | null = null
  let above: Cut | null = null
  for (const b of dir.branches) {
    const branch = union.branches[b]!
    const fd = dirfd(union, dir, b)
    const at = entryPath(union, dir, name, b)
    const there = kindOf(fd, name)
    const inPlace = there !== 0 && branch.inPlace && branch.isWhiteout(fd, name)
    const kind = inPlace ? 0 : there
    const isWhitedOut = inPlace || branch.format.hidesBeside(fd, name)
    const whiteout = inPlace ? at : isWhitedOut ? entryPath(union, dir, branch.format.whiteoutOf(name), b) : ''
    const clash = above?.why === 'directory' && kind !== 0 && kind !== S_IFDIR ? above : null
    said.push({ branch: b, at, kind, hidden: kind === 0 ? null : cut ?? clash, unheeded: branch.whiteable ? '' : whiteout })
    if (cut !== null) continue
    if (kind !== 0 && kind !== S_IFDIR) cut = { why: 'file', branch: b, at }
    else if (kind === S_IFDIR) {
      above ??= { why: 'directory', branch: b, at }
      const redirected = child?.redirects.some(redirect => redirect.at === b) === true
      const why = branch.whiteable ? dirMark(branch, fd, name, redirected) : null
      if (why !== null) cut = { why, branch: b, at }
    }
    if (cut === null && isWhitedOut && branch.whiteable) cut = { why: 'whiteout', branch: b, at: whiteout }
  }
  return { said, cut }
}
