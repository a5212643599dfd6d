/**
 * Rules for extended attributes: origin, redirect, impure, dirty, and those of other unions.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { keepTimes, xattrNames } from '../union/copy-meta.js'
import { groupKey, groupName } from '../union/link-group.js'
import type { Found } from '../union/lookup.js'
import { join } from '../union/redirect.js'
import { isOverlayXattr, isOwnXattr, isRedirectPath, parseOrigin, type StoredOrigin } from '../union/xattr-keys.js'
import type { Context, Fix } from './context.js'
import { redirected, type Dir } from './walk.js'

/** Longest value that is read: what is longer is none of ours. */
const VALUE_MAX = 4096
const value = Buffer.alloc(VALUE_MAX)

/** The attributes of an object that mean something to a union; what cannot be listed is said. */
function marksOf(ctx: Context, fd: number, name: Bytes, path: Bytes): Bytes[] {
  try {
    const all = xattrNames({ dirfd: fd, name })
    const foreign = all.filter(isOverlayXattr)
    if (foreign.length > 0 && !ctx.branch.format.attributes) ctx.found('mix-xattr', path, null, foreign.join(', '))
    return all.filter(isOwnXattr)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    ctx.unreadable(path, -error.errno)
    return []
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
  const marks = marksOf(ctx, fd, '', path)
  checkMisplaced(ctx, fd, '', path, marks, atRoot ? [keys.dirty, keys.impure, keys.devices] : [keys.redirect, keys.impure, keys.origin])
  if (atRoot) return { lower: null }
  if (marks.includes(keys.origin)) checkOrigin(ctx, fd, '', path)
  if (marks.includes(keys.redirect)) return { lower: checkRedirect(ctx, fd, path, under) }
  const name = path.slice(dir.path.length, -1)
  const { opaque, redirect } = branch.readMarks(fd)
  if (!opaque && redirect !== '' && ctx.stacked) {
    return { lower: redirected(ctx, redirect.startsWith('/') ? redirect.slice(1) : join(dir.lower(branch.index), redirect)) }
  }
  const ends = opaque || branch.format.hasOpaqueEntry(fd) || branch.format.hidesBeside(dir.fd, name)
  return { lower: ends ? null : under }
}

function checkRedirect(ctx: Context, fd: number, path: Bytes, under: Found | null): Found | null {
  const { keys, format } = ctx.branch
  const target = read(fd, '', keys.redirect)
  const instead: Fix = () => {
    const restore = keepTimes(fd)
    if (under !== null) must(format.setOpaque(fd), 'opaque', path)
    restore()
    removes(fd, '', keys.redirect)()
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
  const marks = marksOf(ctx, dir.fd, name, path)
  if (marks.length === 0) return false
  checkMisplaced(ctx, dir.fd, name, path, marks, [keys.origin])
  if (!marks.includes(keys.origin)) return false
  const origin = checkOrigin(ctx, dir.fd, name, path)
  if (origin?.grouped === true) checkGrouped(ctx, dir, name, groupKey(origin.fsid, origin.low, origin.high), inoLow, inoHigh)
  return origin !== null
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
