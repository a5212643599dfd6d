/**
 * Rules for names: whiteouts, opaque marks, reserved names, and names that leave no room for a whiteout.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, must } from '../os/errno.js'
import { S_IFCHR, S_IFREG, st } from '../os/stat.js'
import { removeTree } from '../union/remove.js'
import { finishEntry } from '../union/repair.js'
import { reservedName } from '../union/whiteout/aufs.js'
import type { Context } from './context.js'
import type { Dir } from './walk.js'

/** Execute, set-id and sticky bits: tar and docker leave whiteouts with any of the others. */
const STRANGE_BITS = 0o7111

/** What a whiteout or an opaque mark is: 'proper', or what is wrong with it. `sys.stat` holds it. */
function legality(dirfd: number, name: Bytes): 'proper' | 'illegal' | 'mode' | 'gone' {
  if (sys.statx(dirfd, name) < 0) return 'gone'
  if (st.kind !== S_IFREG || st.size > 0) return 'illegal'
  return (st.mode & STRANGE_BITS) !== 0 ? 'mode' : 'proper'
}

/** A whiteout. @param present the names of its directory */
export function checkWhiteout(ctx: Context, dir: Dir, name: Bytes, present: ReadonlySet<Bytes>): void {
  const { branch } = ctx
  const hidden = branch.format.hidden(name)
  const path = dir.path + name
  if (present.has(hidden)) {
    // On a branch that is not written to it is the rule of OCI layers, and says what it means.
    if (branch.spec.perm !== 'rw') return
    ctx.found('whiteout-beside', dir.path + hidden, () => {
      finishEntry(branch, dir.fd, hidden)
      // Not a file, it is not removed as one.
      if (sys.statx(dir.fd, name) === 0) return ctx.discards(dir.fd, name)()
    })
    return
  }
  if (ctx.stacked && dir.below(hidden) === 0) {
    ctx.found('whiteout-needless', path, ctx.discards(dir.fd, name))
    return
  }
  const is = legality(dir.fd, name)
  if (is !== 'illegal' && is !== 'mode') return
  ctx.found(`whiteout-${is}`, path, () => {
    const said = ctx.discards(dir.fd, name)()
    must(branch.whiteOut(dir.fd, hidden), 'whiteout', name)
    return said
  })
}

/** The opaque mark of a directory. */
function checkOpaque(ctx: Context, dir: Dir, name: Bytes): void {
  const { branch } = ctx
  if (dir.atRoot) {
    ctx.found('opaque-root', dir.path, ctx.discards(dir.fd, name))
    return
  }
  if (legality(dir.fd, name) !== 'illegal') {
    if (ctx.stacked && !dir.covers) ctx.found('opaque-needless', dir.path, null)
    return
  }
  ctx.found('opaque-illegal', dir.path + name, () => {
    const said = ctx.discards(dir.fd, name)()
    must(branch.format.setOpaque(dir.fd), 'opaque', dir.path)
    return said
  })
}

/** A reserved name that is no whiteout. The work and link directories have rules of their own. */
export function checkReserved(ctx: Context, dir: Dir, name: Bytes, isDir: boolean): void {
  const path = dir.path + name
  const tree = (): void => { must(removeTree(dir.fd, name), 'unlinkat', name) }
  switch (reservedName(name, dir.atRoot)) {
    case 'opaque': return checkOpaque(ctx, dir, name)
    case 'bare': return void ctx.found('whiteout-bare', path, ctx.discards(dir.fd, name))
    case 'temporary': return void ctx.found('leftover-temporary', path, tree)
    case 'orphans': return void ctx.found('leftover-orphans', path, tree)
    case 'base': return void ctx.found('aufs-base', path, ctx.discards(dir.fd, name))
    case 'renames': return void ctx.found('aufs-renames', path, null)
    case 'unknown': return void ctx.found('reserved-unknown', path, ctx.discards(dir.fd, name))
    case 'lost': return void (isDir
      ? ctx.found('lost', path, null) : ctx.found('reserved-illegal', path, ctx.discards(dir.fd, name)))
    default: return undefined // links.ts and check.ts
  }
}

/** Is the entry in `sys.stat` a whiteout in the place of what it hides? Then it is judged as one. */
export function checkInPlace(ctx: Context, dir: Dir, name: Bytes): boolean {
  const { branch } = ctx
  if (!branch.inPlace || !branch.isWhiteout(dir.fd, name)) return false
  if (ctx.stacked && dir.below(name) === 0) ctx.found('whiteout-needless', dir.path + name, ctx.discards(dir.fd, name))
  return true
}

/** A user's entry, as far as its name and kind go. Its statx is in `sys.stat`. */
export function checkEntry(ctx: Context, path: Bytes, name: Bytes): void {
  if (ctx.branch.spec.perm === 'rw' && name.length > ctx.branch.format.nameMax && !ctx.branch.whitesOver(name)) ctx.found('name-long', path, null)
  if (st.kind === S_IFCHR && st.rdev === 0 && !ctx.branch.inPlace) ctx.found('mix-whiteout', path, null)
}

/** Is it a directory that can be gone into? Says so if not. @returns its fd or -1 */
export function enterDirectory(ctx: Context, dir: Dir, name: Bytes): number {
  const fd = ctx.open(dir.fd, name)
  if (fd >= 0) return fd
  if (fd === -E.EXDEV) ctx.found('mount-point', dir.path + name, null)
  else if (fd !== -E.ENOENT) ctx.unreadable(dir.path + name, fd)
  return -1
}
