/**
 * Hard-link groups across copy-up (aufs pseudo-links, without the flush at unmount).
 *
 * When a file with several links is copied up, the copy gets a link in the branch's `.wh..wh.plnk/`, named by its origin.
 * Whoever comes by another of its lower names finds the copy there. Names that appear or disappear are counted:
 *
 *     .wh..wh.plnk/FSID-INO      link to the copy
 *     .wh..wh.plnk/FSID-INO.n    symbolic link whose target is the number of names in the union; absent = as below
 *     .wh..wh.plnk/FSID-INO.p    the next `.n`, while a name comes or goes: target `+NUMBER:PATH` or `-NUMBER:PATH`
 *
 * Symbolic links, because one rename replaces it whole and one readlink reads it. Made before the name changes, the plan
 * takes no space after it; and a mount after a crash finds in it which name to look at (settlePlans).
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFDIR, S_IFLNK, st } from '../os/stat.js'
import type { Branch } from './branch.js'

/** Key of a group: the origin. */
export function groupKey(fsid: string, low: number, high: number): string {
  return `${fsid}-${(high * 0x100000000 + low).toString(10)}`
}

/** Name of a group's link in the link directory. */
export function groupName(key: string): Bytes {
  return key
}

const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']! | sys.constants['O_NOFOLLOW']!
/** Longest target of a symbolic link. A path cut short finds nothing after a crash: the number then stays as it was. */
const PLAN_MAX = 4095
const numberBuffer = Buffer.alloc(32)

/** The recorded number of names, or -1 if none is recorded. @throws Errno EIO, ... */
export function readCount(branch: Branch, key: string): number {
  const dir = branch.linkDir()
  if (dir < 0) return -1
  const length = sys.readlinkat(dir, `${key}.n`, numberBuffer)
  if (length === -E.ENOENT || length === -E.EINVAL) return -1
  must(length, 'readlinkat', key)
  const count = /^[+-]?(\d+)(:|$)/.exec(numberBuffer.toString('latin1', 0, length))
  return count === null ? -1 : Number(count[1])
}

/** A change of a group's number that is prepared. */
export interface Plan {
  /** The number after it; -1 if the group is not counted. */
  readonly count: number
  /** The name has changed: so does the number. @throws Errno */
  commit(): void
  /** The name has not changed. */
  cancel(): void
}

export const NO_PLAN: Plan = { count: -1, commit: () => {}, cancel: () => {} }

/**
 * Prepare the number for one name more or less.
 * @param path of that name, from the branch root
 * @throws Errno ENOSPC, EIO, ...
 */
export function planCount(branch: Branch, key: string, count: number, sign: '+' | '-', path: Bytes): Plan {
  const dir = branch.makeLinkDir()
  const plan = `${key}.p`
  const target = `${sign}${count}:${path}`.slice(0, PLAN_MAX)
  let rc = sys.symlinkat(target, dir, plan)
  if (rc === -E.EEXIST && sys.unlinkat(dir, plan, 0) === 0) rc = sys.symlinkat(target, dir, plan)
  must(rc, 'symlinkat', plan)
  return {
    count,
    commit: () => {
      if (count === 0) dropGroup(branch, key)
      else must(sys.renameat2(dir, plan, dir, `${key}.n`, 0), 'renameat2', key)
    },
    cancel: () => { sys.unlinkat(dir, plan, 0) },
  }
}

const INDEX_NAME = /^([0-9a-f]{16}-\d{1,20})(\.[np])?$/

/** A name in the link directory: its group, and '', '.n' or '.p'; null for what is no entry. */
export function indexEntry(name: Bytes): { readonly key: string, readonly part: string } | null {
  const [, key, part = ''] = INDEX_NAME.exec(name) ?? []
  return key === undefined ? null : { key, part }
}

/** Is the entry in `sys.stat` of the kind its name asks for? Counts and plans are symbolic links, a file is no directory. */
export function isFitting(part: string): boolean {
  return part === '' ? st.kind !== S_IFDIR : st.kind === S_IFLNK
}

/**
 * After a crash: carry out the plans whose name had changed already, drop the others.
 * @param links fd of the link directory
 */
export function settlePlans(branch: Branch, links: number, names: readonly Bytes[]): void {
  const buffer = Buffer.alloc(PLAN_MAX)
  for (const plan of names) {
    if (!plan.endsWith('.p')) continue
    const key = plan.slice(0, -2)
    const length = sys.readlinkat(links, plan, buffer)
    const [, sign, count, path] = /^([+-])(\d+):([^]*)$/.exec(buffer.toString('latin1', 0, Math.max(length, 0))) ?? []
    const comes = sign === '+'
    if (path === undefined || isNamed(branch, links, key, path, !comes) !== comes) sys.unlinkat(links, plan, 0)
    else if (count === '0') for (const name of [groupName(key), `${key}.n`, plan]) sys.unlinkat(links, name, 0)
    else sys.renameat2(links, plan, links, `${key}.n`, 0)
  }
}

/** Is `path` a name of the group? @param was whether it may be one on the branches below */
function isNamed(branch: Branch, links: number, key: string, path: Bytes, was: boolean): boolean {
  const copy = sys.statx(links, groupName(key)) === 0 ? [st.inoLow, st.inoHigh] : []
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1)
  const dir = slash < 0 ? sys.reopen(branch.fd, O_PATH_DIR) : sys.openBeneath(branch.fd, path.slice(0, slash), O_PATH_DIR)
  if (dir < 0) return was
  const there = sys.statx(dir, name) === 0
  const named = there ? st.inoLow === copy[0] && st.inoHigh === copy[1] : was && !branch.isWhitedOut(dir, name)
  sys.close(dir)
  return named
}

/** Record the number of names. @throws Errno ENOSPC, EIO, ... */
export function writeCount(branch: Branch, key: string, count: number): void {
  const dir = branch.makeLinkDir()
  const temp = branch.temp()
  must(sys.symlinkat(String(count), dir, temp), 'symlinkat', temp)
  const rc = sys.renameat2(dir, temp, dir, `${key}.n`, 0)
  if (rc < 0) sys.unlinkat(dir, temp, 0)
  must(rc, 'renameat2', key)
}

/** The last name is gone. What cannot be removed is found by nobody any more. */
export function dropGroup(branch: Branch, key: string): void {
  const dir = branch.linkDir()
  if (dir < 0) return
  for (const name of [groupName(key), `${key}.n`, `${key}.p`]) sys.unlinkat(dir, name, 0)
}

/**
 * Which branch at or above `from` holds the copy of a group; -1 if none. Leaves the copy's statx in `sys.stat`.
 * @throws Errno EIO, ...
 */
export function findCopy(branches: readonly Branch[], from: number, key: string): number {
  for (let b = from; b >= 0; b--) {
    const branch = branches[b]!
    if (!branch.whiteable) continue
    const dir = branch.linkDir()
    if (dir < 0) continue
    const rc = sys.statx(dir, groupName(key))
    if (rc === 0) return b
    if (rc !== -E.ENOENT) throw new Errno(-rc, 'statx', key)
  }
  return -1
}
