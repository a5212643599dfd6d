/**
 * Rules for the link index, `.wh..wh.plnk`: its files were met in the walk (marks.ts); here it is asked what has none.
 */
import { sys, type Bytes } from '../os/native.js'
import { must } from '../os/errno.js'
import { S_IFDIR, S_IFREG, st } from '../os/stat.js'
import { dropGroup, groupName, indexEntry, isFitting, readCount, settlePlans, writeCount } from '../union/link-group.js'
import { LINK_DIR, WORK_DIR } from '../union/whiteout/aufs.js'
import type { Context } from './context.js'
import { countNames } from './count.js'

const OF_AUFS = /^\d+\.\d+$/
const isTemporary = (name: Bytes): boolean => /^t\d+\.\d+$/.test(name)

/** Before the walk: plans that a crash interrupted, and what is no entry at all. */
export function checkIndex(ctx: Context): void {
  const links = openReserved(ctx, LINK_DIR)
  if (links < 0) return
  for (const name of namesOf(ctx, links, LINK_DIR)) {
    const path = `${LINK_DIR}/${name}`
    const entry = indexEntry(name)
    const fits = entry !== null && (sys.statx(links, name) < 0 || isFitting(entry.part))
    if (isTemporary(name)) ctx.found('leftover-temporary', path, ctx.discards(links, name))
    else if (OF_AUFS.test(name)) ctx.found('aufs-plink', path, ctx.discards(links, name))
    else if (!fits) ctx.found('link-unknown', path, ctx.discards(links, name))
    else if (entry.part === '.p') ctx.found('link-plan', path, () => { settlePlans(ctx.branch, links, [name]) })
  }
  sys.close(links)
}

/** After the walk: groups without names, and counts that are wrong. A count may be there before there is a copy. */
export function checkGroups(ctx: Context): void {
  const links = openReserved(ctx, LINK_DIR)
  if (links < 0) return
  const groups = new Set<string>()
  for (const name of namesOf(ctx, links, LINK_DIR)) {
    const entry = indexEntry(name)
    if (entry === null || entry.part === '.p' || sys.statx(links, name) < 0 || !isFitting(entry.part)) continue
    groups.add(entry.key)
  }
  const counted = ctx.stacked && groups.size > 0 ? countNames(ctx, groups) : null
  for (const key of groups) {
    // One whose names are hidden from above is not without names.
    if (counted !== null && !counted.has(key) && !ctx.groups.has(key)) checkNameless(ctx, links, key)
    else checkCount(ctx, links, key, counted?.get(key) ?? null)
  }
  sys.close(links)
  if (ctx.repairs) sys.unlinkat(ctx.branch.fd, LINK_DIR, sys.constants['AT_REMOVEDIR']!) // goes if it is empty
}

/** A group of which no name is left. */
function checkNameless(ctx: Context, links: number, key: string): void {
  const copied = sys.statx(links, groupName(key)) === 0
  ctx.found(copied ? 'link-dangling' : 'link-stray', `${LINK_DIR}/${key}${copied ? '' : '.n'}`, () => {
    const said = copied ? ctx.discards(links, groupName(key))() : undefined
    dropGroup(ctx.branch, key)
    return said
  })
}

/** @param names how many it has in the union; null if that is not known: then it has at least those on the branch */
function checkCount(ctx: Context, links: number, key: string, names: number | null): void {
  const { branch } = ctx
  if (sys.statx(links, `${key}.n`) < 0) return
  const recorded = readCount(branch, key)
  const here = ctx.groups.get(key) ?? 0
  if (names === null ? recorded >= here && recorded > 0 : recorded === names) return
  const right = names ?? here
  ctx.found('link-count', `${LINK_DIR}/${key}.n`, () => {
    if (right > 0) writeCount(branch, key, right)
    else must(sys.unlinkat(links, `${key}.n`, 0), 'unlinkat', `${key}.n`)
  }, `${recorded < 0 ? 'no number' : recorded} recorded, ${names === null ? 'at least ' : ''}${right} found`)
}

/** Names in a directory; what cannot be listed is said. */
export function namesOf(ctx: Context, fd: number, path: Bytes): readonly Bytes[] {
  const raw = sys.readdir(fd)
  if (typeof raw !== 'number') return raw.names
  ctx.unreadable(path, raw)
  return []
}

/** A directory of ours at the root: its fd, or -1. What else has its name is found by checkOurs(). */
export function openReserved(ctx: Context, name: Bytes): number {
  return ctx.open(ctx.branch.fd, name)
}

/** The names of our own directories must be directories. */
export function checkOurs(ctx: Context): void {
  for (const name of [WORK_DIR, LINK_DIR]) {
    if (sys.statx(ctx.branch.fd, name) < 0 || st.kind === S_IFDIR) continue
    const detail = st.kind === S_IFREG ? 'a file' : ''
    ctx.found('reserved-illegal', name, ctx.discards(ctx.branch.fd, name), detail)
  }
}
