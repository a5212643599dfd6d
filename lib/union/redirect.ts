/**
 * Renamed directories (aufs dirren, overlayfs redirect_dir): a directory on a writable branch whose lower part lies at
 * another path. The record is an xattr on the directory itself, so the rename moves it along:
 *
 *     trusted.tsaufs.redirect = usr/share/doc     path from the root of the union of the branches below this one
 *
 * overlayfs's records mean the same: trusted.overlay.redirect = /usr/share/doc, or `doc` for another name in the place
 * where the directory's parent goes on below.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFDIR, S_IFREG } from '../os/stat.js'
import { closeFound, probe, type DirView, type Found, type Layers } from './lookup.js'
import type { DirNode, Redirect } from './node.js'
import { isRedirectPath } from './xattr-keys.js'

const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!

const O_READ = sys.constants['O_RDONLY']! | sys.constants['O_NONBLOCK']! | sys.constants['O_NOFOLLOW']!

/** A directory reached on the way down a redirect path. */
interface Stand {
  readonly branches: readonly number[]
  readonly fds: ReadonlyMap<number, number>
  /** Path from each branch's root. */
  readonly paths: Map<number, Bytes>
  /** What the probe said of it; null for the roots. */
  readonly found: Found | null
  readonly lower: DirView['lower']
}

/** A name in a directory, as a path. */
export function join(dir: Bytes, name: Bytes): Bytes {
  return dir === '' ? name : `${dir}/${name}`
}

/**
 * Steps that one redirect may cost, with all that lie on its way. Redirects that lead through each other branch after
 * branch multiply; those a union has written are some names long.
 */
const STEPS_MAX = 4096
/** Steps left to the redirect that is being followed; null if none is. */
let stepsLeft: number | null = null

/** One component further; null if the branches have no such directory. */
function step(stack: Layers, at: Stand, part: Bytes): Stand | null {
  // What we keep on a branch is no directory of its users.
  const branches = at.branches.filter(b => stack.branches[b]!.format.classify(part) === 'entry')
  const found = probe(stack, { branches, fd: b => at.fds.get(b)!, lower: at.lower }, part)
  if (found === null) return null
  if (found.kind !== S_IFDIR) {
    closeFound(found)
    return null
  }
  const fds = found.fds ??= new Map()
  const paths = new Map<number, Bytes>()
  for (const b of found.branches) {
    const path = found.paths?.get(b) ?? join(at.paths.get(b) ?? '', part)
    const fd = fds.get(b) ?? sys.openBeneath(stack.branches[b]!.fd, path, O_PATH_DIR)
    if (fd === -E.ENOENT || fd === -E.ENOTDIR || fd === -E.ELOOP || fd === -E.EXDEV) break
    if (fd < 0) {
      closeFound(found)
      throw new Errno(-fd, 'openat2', path)
    }
    fds.set(b, fd)
    paths.set(b, path)
  }
  const { redirects } = found
  return { branches: [...paths.keys()], fds, paths, found, lower: b => lastAt(redirects, b)?.path ?? join(at.lower(b), part) }
}

/**
 * Add to `found` the directory at `path` in the union of the branches from `from` down; nothing if there is none.
 * The record may have been tampered with on the branch: `..` leads nowhere, a bad path finds nothing, and neither does one
 * of more than STEPS_MAX steps.
 */
export function followRedirect(stack: Layers, from: number, path: Bytes, found: Found): void {
  if (!isRedirectPath(path)) return
  const isFirst = stepsLeft === null
  stepsLeft ??= STEPS_MAX
  try {
    follow(stack, from, path, found)
  } finally {
    if (isFirst) stepsLeft = null
  }
}

/** The root of the union of the branches from `from` down. */
function roots({ branches }: Layers, from: number): Stand {
  const fds = new Map<number, number>()
  branches.forEach((branch, b) => { if (b >= from) fds.set(b, branch.fd) })
  return { branches: [...fds.keys()], fds, paths: new Map(), found: null, lower: () => '' }
}

function follow(stack: Layers, from: number, path: Bytes, found: Found): void {
  const parts = path.split('/').filter(part => part !== '')
  let at = roots(stack, from)
  for (const part of parts) {
    let next: Stand | null
    try {
      next = --stepsLeft! < 0 ? null : step(stack, at, part)
    } finally {
      if (at.found !== null) closeFound(at.found)
    }
    if (next === null) return
    at = next
  }
  const end = at.found!
  found.paths ??= new Map()
  const opened = found.fds ??= new Map()
  for (const b of at.branches) {
    found.branches.push(b)
    found.paths.set(b, at.paths.get(b)!)
    opened.set(b, end.fds!.get(b)!)
  }
  found.redirects.push(...end.redirects)
  found.fsid = end.fsid
  found.low = end.low
  found.high = end.high
}

/** A file that was found below: open for reading, the finder's to close; and how to go on from there. */
export interface Below {
  readonly branch: number
  readonly fd: number
  /** Path of the directory it is in, in the union of the branches below its own. */
  readonly dir: Bytes
  readonly name: Bytes
}

/**
 * The regular file at `path` in the union of the branches from `from` down.
 * @returns null if there is none @throws Errno of a branch
 */
export function fileBelow(stack: Layers, from: number, path: Bytes): Below | null {
  if (!isRedirectPath(path)) return null
  const parts = path.split('/').filter(part => part !== '')
  const name = parts.pop()!
  let at = roots(stack, from)
  for (const part of parts) {
    const next = step(stack, at, part)
    if (at.found !== null) closeFound(at.found)
    if (next === null) return null
    at = next
  }
  try {
    const found = probe(stack, { branches: at.branches, fd: b => at.fds.get(b)!, lower: at.lower }, name)
    if (found?.kind !== S_IFREG) {
      if (found !== null) closeFound(found)
      return null
    }
    const fd = must(sys.openat(at.fds.get(found.top)!, name, O_READ, 0), 'open', path)
    return { branch: found.top, fd, dir: at.lower(found.top), name }
  } finally {
    if (at.found !== null) closeFound(at.found)
  }
}

/** Does the directory have a part below branch `at`? */
export function hasLower(dir: DirNode, at: number): boolean {
  return dir.branches.some(branch => branch > at)
}

/** The redirect that says where a directory goes on below branch `at`. */
export function lastAt(redirects: readonly Redirect[], at: number): Redirect | undefined {
  let last: Redirect | undefined
  for (const redirect of redirects) {
    if (redirect.at <= at && (last === undefined || redirect.at >= last.at)) last = redirect
  }
  return last
}

/**
 * Path of the directory's part below branch `at`, in the union of the branches below `at`: what a redirect on `at` says.
 * @pre hasLower(dir, at), and dir is on branch `at` or above
 */
export function lowerPath(dir: DirNode, at: number): Bytes {
  const last = lastAt(dir.redirects, at)
  if (last !== undefined) return last.path
  return dir.parent === null ? '' : join(lowerPath(dir.parent, at), dir.name)
}
