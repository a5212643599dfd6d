/**
 * The walk over one branch, directory by directory: what lies below each on the branches below is looked up with the
 * union's own merge rule, so that it can be said what a whiteout hides and what an opaque mark is for.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno } from '../os/errno.js'
import { S_IFDIR } from '../os/stat.js'
import { keepTimes } from '../union/copy-meta.js'
import { closeFound, probe, type DirView, type Found } from '../union/lookup.js'
import { followRedirect, join, lastAt } from '../union/redirect.js'
import type { Context } from './context.js'
import { checkDirectory, checkFile } from './marks.js'
import { checkEntry, checkInPlace, checkReserved, checkWhiteout, enterDirectory } from './names.js'

/** A directory of the branch. */
export interface Dir {
  readonly fd: number
  /** From the branch's root, with a `/` at the end; '' for the root itself. */
  readonly path: Bytes
  readonly atRoot: boolean
  /** Is there something at its own name on the branches below? An opaque mark or a redirect has a use then. */
  readonly covers: boolean
  /** Has it parts on the branches below? */
  readonly merges: boolean
  /** Path of its part below a branch (lookup.ts, DirView). */
  readonly lower: DirView['lower']
  /** What is named so in its lower parts: S_IFMT bits, 0 for nothing. */
  below(name: Bytes): number
}

/** What was found in the lower parts of a directory, as a view. */
export function viewOf(found: Found | null, parent: DirView, name: Bytes): DirView {
  if (found === null || found.kind !== S_IFDIR) return { branches: [], fd: () => -1, lower: b => join(parent.lower(b), name) }
  return {
    branches: found.branches, fd: b => found.fds!.get(b)!,
    lower: b => lastAt(found.redirects, b)?.path ?? join(parent.lower(b), name),
  }
}

/** Ask the merge rule; what it cannot read is said once and taken for nothing. */
function ask(ctx: Context, view: DirView, name: Bytes, path: Bytes): Found | null {
  if (view.branches.length === 0) return null
  try {
    return probe(ctx.stack, view, name)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    ctx.unreadable(path, -error.errno)
    return null
  }
}

/** What the view has under a name: S_IFMT bits, 0 for nothing. */
function kindIn(ctx: Context, view: DirView, name: Bytes, path: Bytes): number {
  const found = ask(ctx, view, name, path)
  if (found !== null) closeFound(found)
  return found?.kind ?? 0
}

function makeDir(ctx: Context, fd: number, path: Bytes, covers: boolean, view: DirView): Dir {
  return {
    fd, path, covers, atRoot: path === '', merges: view.branches.length > 0, lower: view.lower,
    below: name => kindIn(ctx, view, name, path + name),
  }
}

/** The lower part of a directory that is redirected; null if there is none. */
export function redirected(ctx: Context, path: Bytes): Found | null {
  const found: Found = {
    kind: S_IFDIR, top: ctx.branch.index, branches: [], paths: null, redirects: [{ at: ctx.branch.index, path }], mark: 0, fsid: '', low: 0, high: 0,
    nlink: 0, fds: new Map(),
  }
  followRedirect(ctx.stack, ctx.branch.index + 1, path, found)
  return found.branches.length > 0 ? found : null
}

/** The roots of the branches below. */
function rootsBelow({ stack: { branches }, branch }: Context): DirView {
  return { branches: branches.slice(branch.index + 1).map(({ index }) => index), fd: b => branches[b]!.fd, lower: () => '' }
}

/** What the branches below have at a path from their root: S_IFMT bits, 0 for nothing. */
export function kindBelow(ctx: Context, path: Bytes): number {
  const cut = path.lastIndexOf('/')
  if (cut < 0) return kindIn(ctx, rootsBelow(ctx), path, path)
  const parent = redirected(ctx, path.slice(0, cut))
  if (parent === null) return 0
  try {
    return kindIn(ctx, viewOf(parent, rootsBelow(ctx), ''), path.slice(cut + 1), path)
  } finally {
    closeFound(parent)
  }
}

/** Walk the branch. */
export function walkBranch(ctx: Context): void {
  const view = rootsBelow(ctx)
  const root = makeDir(ctx, ctx.branch.fd, '', false, view)
  checkDirectory(ctx, root, ctx.branch.fd, '', null)
  walk(ctx, root, view)
}

function walk(ctx: Context, dir: Dir, view: DirView): void {
  const { format } = ctx.branch
  const raw = sys.readdir(dir.fd)
  if (typeof raw === 'number') {
    ctx.unreadable(dir.path, raw)
    return
  }
  const restore = ctx.repairs ? keepTimes(dir.fd) : () => {}
  const before = ctx.repaired
  const present = new Set(raw.names)
  const entries: number[] = []
  for (const [i, name] of raw.names.entries()) {
    const what = format.classify(name)
    if (what === 'whiteout') checkWhiteout(ctx, dir, name, present)
    else if (what === 'reserved') checkReserved(ctx, dir, name, raw.types[i] === S_IFDIR >> 12)
    else entries.push(i)
  }
  // Nobody changed this directory as its users see it: it keeps its times.
  if (ctx.repaired > before) restore()
  let copies = false
  for (const i of entries) {
    const name = raw.names[i]!
    if (sys.statx(dir.fd, name) < 0) continue // gone meanwhile
    if (checkInPlace(ctx, dir, name)) continue
    checkEntry(ctx, dir.path + name, name)
    if (raw.types[i] === S_IFDIR >> 12) walkInto(ctx, dir, view, name)
    else copies = checkFile(ctx, dir, name) || copies
  }
  if (copies) checkImpure(ctx, dir)
}

/** A directory below: its marks first, as they say what lies below it. */
function walkInto(ctx: Context, dir: Dir, view: DirView, name: Bytes): void {
  const fd = enterDirectory(ctx, dir, name)
  if (fd < 0) return
  const path = `${dir.path}${name}/`
  const under = ask(ctx, view, name, path)
  let lower = under
  try {
    const marks = checkDirectory(ctx, dir, fd, path, under)
    lower = marks.lower
    const merged = viewOf(lower, view, name)
    walk(ctx, makeDir(ctx, fd, path, under !== null, merged), merged)
  } finally {
    if (under !== null) closeFound(under)
    if (lower !== null && lower !== under) closeFound(lower)
    sys.close(fd)
  }
}

/** Copies in a directory with nothing below it: their numbers are only looked for if it is marked. Judged at the top. */
function checkImpure(ctx: Context, dir: Dir): void {
  const { keys } = ctx.branch
  if (!ctx.stacked || ctx.branch.index > 0 || dir.merges || dir.atRoot) return
  if (sys.getxattr(dir.fd, '', keys.impure, Buffer.alloc(0)) > 0) return
  ctx.found('impure-missing', dir.path, () => {
    const rc = sys.setxattr(dir.fd, '', keys.impure, Buffer.from('y'), 0)
    if (rc < 0) throw new Errno(-rc, 'setxattr', keys.impure)
  })
}
