/**
 * Rules for extended attributes: origin, redirect, impure, dirty, and those of other unions.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, must } from '../os/errno.js'
import { S_IFREG, st } from '../os/stat.js'
import { keepTimes, xattrNames } from '../union/copy-meta.js'
import { groupKey, groupName } from '../union/link-group.js'
import type { Found } from '../union/lookup.js'
import { join } from '../union/redirect.js'
import { OVERLAY_SPACES } from '../union/whiteout/overlay.js'
import { isHiddenOwnXattr, isMetacopyXattr, isOverlayXattr, isOwnXattr, isRedirectPath, parseOrigin, type StoredOrigin } from '../union/xattr-keys.js'
import type { Context, Fix } from './context.js'
import { kindBelow, redirected, type Dir } from './walk.js'

/** Longest value that is read: what is longer is none of ours. */
const VALUE_MAX = 4096
const value = Buffer.alloc(VALUE_MAX)

/** Attributes of an object that mean something to a union. */
interface Marks {
  /** Ours, in the form of the branch: those of the other say nothing here, and are no damage. */
  readonly own: readonly Bytes[]
  /** Those of overlayfs and its like. */
  readonly foreign: readonly Bytes[]
}

/** What an object is marked with; what cannot be listed is said. */
function marksOf(ctx: Context, fd: number, name: Bytes, path: Bytes): Marks {
  const { format } = ctx.branch
  try {
    const all = xattrNames({ dirfd: fd, name })
    const foreign = all.filter(isOverlayXattr)
    if (foreign.length > 0 && !format.attributes) ctx.found('mix-xattr', path, null, foreign.join(', '))
    return { own: all.filter(format.writesInPlace ? isHiddenOwnXattr : isOwnXattr), foreign }
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    ctx.unreadable(path, -error.errno)
    return { own: [], foreign: [] }
  }
}

function removes(fd: number, name: Bytes, key: Bytes): Fix {
  return () => { must(sys.removexattr(fd, name, key), 'removexattr', key) }
}

/** Attributes of ours that have no business on an object. */
function checkMisplaced(ctx: Context, fd: number, name: Bytes, path: Bytes, keys: readonly Bytes[], rightful: readonly Bytes[]): void {
  for (const key of keys) if (!rightful.includes(key)) ctx.found('xattr-misplaced', path, removes(fd, name, key), key)
}

/** The value of an attribute as text; too long for any of ours is as good as malformed. */
function read(fd: number, name: Bytes, key: Bytes): string {
  const length = sys.getxattr(fd, name, key, value)
  return length < 0 ? '' : value.toString('latin1', 0, length)
}

/**
 * What a directory is marked with.
 * @param fd   of it; `dir` is the one it lies in, or itself for the root
 * @param path of it, with a `/` at the end
 * @param under what lies at its name on the branches below
 * @returns its lower part: `under`, another that is the caller's to close, or null
 */
export function checkDirectory(ctx: Context, dir: Dir, fd: number, path: Bytes, under: Found | null): { lower: Found | null } {
  const { branch } = ctx
  const { keys } = branch
  const atRoot = path === ''
  const marks = marksOf(ctx, fd, '', path).own
  checkMisplaced(ctx, fd, '', path, marks, atRoot ? [keys.dirty, keys.impure, keys.devices] : [keys.redirect, keys.impure, keys.origin])
  if (atRoot) return { lower: null }
  if (marks.includes(keys.origin)) checkOrigin(ctx, fd, '', path)
  if (marks.includes(keys.redirect)) return { lower: checkRedirect(ctx, fd, path, under, read(fd, '', keys.redirect)) }
  const name = path.slice(dir.path.length, -1)
  const { opaque, redirect } = branch.readMarks(fd)
  if (!opaque && redirect !== '') {
    return { lower: checkRedirect(ctx, fd, path, under, redirect.startsWith('/') ? redirect.slice(1) : join(dir.lower(branch.index), redirect)) }
  }
  const ends = opaque || branch.format.hasOpaqueEntry(fd) || branch.format.hidesBeside(dir.fd, name)
  return { lower: ends ? null : under }
}

/** @param target where it leads, from the root of the branches below */
function checkRedirect(ctx: Context, fd: number, path: Bytes, under: Found | null, target: Bytes): Found | null {
  const { branch } = ctx
  const instead: Fix = () => {
    const restore = keepTimes(fd)
    if (under !== null) must(branch.format.setOpaque(fd), 'opaque', path)
    restore()
    branch.clearRedirect(fd)
  }
  if (!isRedirectPath(target)) {
    ctx.found('redirect-malformed', path, instead, JSON.stringify(target.slice(0, 80)))
    return null
  }
  if (!ctx.stacked) return null
  const lower = redirected(ctx, target)
  if (lower === null) ctx.found('redirect-dangling', path, instead, target)
  return lower
}

/** What a file is marked with. @returns true if it has an origin */
export function checkFile(ctx: Context, dir: Dir, name: Bytes): boolean {
  const { keys } = ctx.branch
  const path = dir.path + name
  const inoLow = st.inoLow
  const inoHigh = st.inoHigh
  const { kind } = st
  const { own: marks, foreign } = marksOf(ctx, dir.fd, name, path)
  if (kind === S_IFREG && foreign.some(isMetacopyXattr)) checkMetacopy(ctx, dir, name)
  if (marks.length === 0) return false
  checkMisplaced(ctx, dir.fd, name, path, marks, [keys.origin])
  if (!marks.includes(keys.origin)) return false
  const origin = checkOrigin(ctx, dir.fd, name, path)
  if (origin?.grouped === true) checkGrouped(ctx, dir, name, groupKey(origin.fsid, origin.low, origin.high), inoLow, inoHigh)
  return origin !== null
}

/** A copy of attributes alone: its data lies where its directory goes on below, under its name or another. */
function checkMetacopy(ctx: Context, dir: Dir, name: Bytes): void {
  if (!ctx.branch.format.attributes) return
  const target = OVERLAY_SPACES.map(space => read(dir.fd, name, `${space}redirect`)).find(text => text !== '') ?? name
  const kind = target.startsWith('/') ? kindBelow(ctx, target.slice(1)) : dir.below(target)
  const code = ctx.stacked && kind !== S_IFREG ? 'metacopy-dangling' : 'metacopy'
  ctx.found(code, dir.path + name, null, target === name ? '' : target)
}

/** The origin of an object; null for what is none. A directory has one after a copy-down. */
function checkOrigin(ctx: Context, fd: number, name: Bytes, path: Bytes): StoredOrigin | null {
  const { keys } = ctx.branch
  const origin = parseOrigin(read(fd, name, keys.origin))
  if (origin === null) ctx.found('origin-malformed', path, removes(fd, name, keys.origin))
  return origin
}

/** A name of a link group that was copied up: the index must have the same file. */
function checkGrouped(ctx: Context, dir: Dir, name: Bytes, key: string, low: number, high: number): void {
  const { branch } = ctx
  const path = dir.path + name
  const links = branch.linkDir()
  if (links < 0 || sys.statx(links, groupName(key)) < 0) {
    const missing = ctx.found('link-missing', path, () => {
      must(sys.linkat(dir.fd, name, branch.makeLinkDir(), groupName(key)), 'linkat', path)
    }, key)
    if (missing) return
  } else if (st.inoLow !== low || st.inoHigh !== high) {
    ctx.found('link-differs', path, removes(dir.fd, name, branch.keys.origin), key)
    return
  }
  ctx.groups.set(key, (ctx.groups.get(key) ?? 0) + 1)
}
