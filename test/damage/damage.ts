/**
 * Damage to a branch, drawn at random: what bad disks, bad tools and bad people make of bookkeeping. Users' own files are
 * marked and covered up, but neither changed nor removed.
 */
import { lstatSync, linkSync, mkdirSync, mknod, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from './fs-bytes.js'
import { sys } from '../../lib/os/native.js'
import type { Random } from '../walk/random.js'

const AT_FDCWD = -100
const KEYS = ['origin', 'redirect', 'impure', 'dirty', 'nonsense'].map((key) => `trusted.tsaufs.${key}`)
const OVERLAY_KEYS = ['trusted.overlay.opaque', 'trusted.overlay.redirect', 'user.fuseoverlayfs.opaque']

/** What may be damaged of a branch. */
export interface Target {
  /** Root of the branch. */
  readonly root: string
  /** Directory in it that is open to damage; the rest is only to be damaged at the root, by reserved names. */
  readonly area: string
  /** A directory outside of all branches, for what leads there. */
  readonly outside: string
}

interface Found {
  /** Names of users, full paths. */
  readonly entries: readonly string[]
  readonly dirs: readonly string[]
  /** Whiteouts, marks, temporaries. */
  readonly marks: readonly string[]
}

function survey(top: string): Found {
  const entries: string[] = []
  const dirs = [top]
  const marks: string[] = []
  const stack = [top]
  for (let dir; (dir = stack.pop()) !== undefined;) {
    for (const name of readdirSync(dir)) {
      const path = `${dir}/${name}`
      if (name.startsWith('.wh.')) marks.push(path)
      else entries.push(path)
      if (!lstatSync(path).isDirectory() || name.startsWith('.wh.')) continue
      dirs.push(path)
      stack.push(path)
    }
  }
  return { entries, dirs, marks }
}

const bytes = (r: Random, most: number): string =>
  String.fromCharCode(...Array.from({ length: 1 + r.below(most) }, () => r.below(256)))
/** A name of any bytes but the two that no name has. */
const anyName = (r: Random): string => bytes(r, 30).replace(/[\0/]/g, '_').replace(/^\.{1,2}$/, '_')
const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'))
const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Anything but what a mark should be, at a path that is free. */
function anything(r: Random, path: string, target: Target): void {
  switch (r.below(8)) {
    case 0: return mknod(path, 'fifo')
    case 1: return mknod(path, 'char')
    case 2: return mknod(path, 'socket')
    case 3: return symlinkSync(r.pick(['nowhere', target.outside, '..', '.', last(path), '/', '/dev/zero']), path)
    case 4: return mkdirSync(path)
    case 5:
      mkdirSync(path)
      mkdirSync(`${path}/sub`)
      return writeFileSync(`${path}/sub/file`, 'text')
    case 6: return writeFileSync(path, 'somebody wrote here')
    default: return writeFileSync(path, '', r.pick([0o777, 0o4755, 0o000, 0o1444]))
  }
}

function badPath(r: Random, found: Found, target: Target): string {
  const some = r.pick(found.dirs).slice(target.root.length + 1)
  return r.pick([
    '..', '.', '/', '', '../..', `/${some}`, `${some}/..`, `${some}/../..`, `${some}/.`, some, parent(`/${some}`).slice(1), `${some}/a`, `${some}//a`,
    target.outside, `../../${target.outside}`, 'a\0b', 'x'.repeat(300), 'a/'.repeat(2000), 'y'.repeat(60_000), bytes(r, 200), 'nowhere/at/all',
    `${target.area}/a`, `${target.area}/a/b`, `${target.area}/b`, target.area, 'w0/tree', '.wh..wh.plnk', '.wh..wh.work', '.wh.a',
  ])
}

function badOrigin(r: Random): string {
  const fsid = r.pick(['0'.repeat(16), 'f'.repeat(16), '0123456789abcdef', 'zz', ''])
  return r.pick([
    `${fsid}:${r.below(100)}`, `${fsid}:${r.below(100)}:g`, `${fsid}:99999999999999999999`, `${fsid}:-1`, `${fsid}:1e3:g`, `${fsid}:0x10`, `${fsid}:`,
    ':', '::g', 'g', bytes(r, 40), 'x'.repeat(5000), '', `${fsid}:${2 ** 53 - 1}:g`, `${fsid}:NaN`, `${fsid}:2:g:g`,
  ])
}

function setXattr(path: string, key: string, value: string): void {
  // What a file system does not take (too long, not on this kind) is not damage.
  sys.setxattr(AT_FDCWD, path, key, Buffer.from(value, 'latin1'), 0)
}

type Deed = (r: Random, found: Found, target: Target) => string

function remove(path: string): string {
  rmSync(path)
  return `remove ${path}`
}

/** A mark that is put where nothing is. */
function put(r: Random, path: string, target: Target): string {
  if (exists(path)) return ''
  if (r.chance(50)) writeFileSync(path, '', 0o444)
  else anything(r, path, target)
  return `put ${path}`
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

const inLinks = (target: Target, name: string): string => {
  const dir = `${target.root}/.wh..wh.plnk`
  if (!exists(dir)) mkdirSync(dir)
  return lstatSync(dir).isDirectory() ? `${dir}/${name}` : dir
}

function linkEntry(r: Random, target: Target): string {
  const dir = `${target.root}/.wh..wh.plnk`
  const keys = exists(dir) && lstatSync(dir).isDirectory() ? readdirSync(dir) : []
  const known = keys.length > 0 ? r.pick(keys) : `${'0'.repeat(16)}-5`
  const kind = r.below(7)
  if (kind === 0) return keys.length > 0 ? remove(`${dir}/${known}`) : ''
  if (kind === 1) {
    const path = inLinks(target, r.pick([`${known}.p`, `${known}.n`, `${'0'.repeat(16)}-77.n`, `${'a'.repeat(16)}-5.p`]))
    if (exists(path)) rmSync(path)
    const target_ = r.pick(['-5', '1e9', '0', '00', '99999999999999999999999', 'x', `+3:${target.area}/a`, `-0:${target.area}/a`, '-1:../../etc', '+1:', `-2:/${target.outside}`, '+5:a/../b', bytes(r, 90).replace(/\0/g, 'z')])
    symlinkSync(target_, path)
    return `count ${path} -> ${target_}`
  }
  const path = inLinks(target, r.pick([known, `${known}.n`, `${known}.p`, anyName(r), '12.34', 't1.2', `${'b'.repeat(16)}-${r.below(99)}`, `${'B'.repeat(16)}-1`, '-', '.n', '.p']))
  if (exists(path)) rmSync(path)
  anything(r, path, target)
  return `index ${path}`
}

/** How often each kind of damage is drawn. Answers what was done, '' for nothing. */
const DEEDS: readonly (readonly [weight: number, deed: Deed])[] = [
  [8, (r, { marks }) => (marks.length > 0 ? remove(r.pick(marks)) : '')],
  [8, (r, { marks }, target) => {
    if (marks.length === 0) return ''
    const path = r.pick(marks)
    rmSync(path)
    anything(r, path, target)
    return `retype ${path}`
  }],
  [6, (r, { marks, dirs }) => {
    if (marks.length === 0) return ''
    const from = r.pick(marks)
    const to = `${r.pick(dirs)}/.wh.${r.pick(['a', 'b', 'c', 'd', 'e', anyName(r)])}`
    if (exists(to)) return ''
    renameSync(from, to)
    return `move ${from} to ${to}`
  }],
  [8, (r, { entries }, target) => {
    if (entries.length === 0) return ''
    const path = r.pick(entries)
    return put(r, `${parent(path)}/.wh.${last(path)}`, target)
  }],
  [8, (r, { dirs }, target) => put(r, `${r.pick(dirs)}/.wh.${r.pick(['a', 'b', 'c', 'd', 'e', anyName(r), 'z'.repeat(251), ''])}`, target)],
  [8, (r, { dirs }, target) => put(r, `${r.pick(dirs)}/.wh..wh..opq`, target)],
  [6, (r, { dirs }, target) => put(r, `${r.pick(dirs)}/.wh..wh.${r.pick(['a.00ff', anyName(r), 'plnk', 'work', 'lost', 'aufs', 'orph', '.opqx', '', '.'])}`, target)],
  [4, (r, _found, target) => put(r, `${target.root}/.wh..wh.${r.pick(['work', 'lost', 'aufs', 'orph', 'plnk', 'a.00ff', anyName(r)])}`, target)],
  [3, (r, _found, target) => {
    const path = `${target.root}/.wh..wh.work`
    if (!exists(path)) mkdirSync(path)
    if (!lstatSync(path).isDirectory()) return ''
    const name = `${path}/${r.pick(['t1.1', 'swap.t1.2', 'swap.', anyName(r)])}`
    if (exists(name)) return ''
    if (r.chance(50)) symlinkSync(r.pick(['1:../../x', ':', '99:', `0:/${target.outside}`, '5:a\\b', bytes(r, 50).replace(/\0/g, 'z')]), name)
    else anything(r, name, target)
    return `work ${name}`
  }],
  [12, (r, found, target) => {
    const path = r.pick([...found.dirs, ...found.dirs, target.root])
    const value = badPath(r, found, target)
    setXattr(path, KEYS[1]!, value)
    return `redirect ${path} ${JSON.stringify(value.slice(0, 60))}`
  }],
  [10, (r, found) => {
    if (found.entries.length === 0) return ''
    const path = r.pick(found.entries)
    const value = badOrigin(r)
    setXattr(path, KEYS[0]!, value)
    if (r.chance(70)) setXattr(parent(path), KEYS[2]!, 'y')
    return `origin ${path} ${JSON.stringify(value.slice(0, 60))}`
  }],
  [5, (r, found, target) => {
    const path = r.pick([...found.entries, ...found.dirs, ...found.marks, target.root])
    const key = r.pick([...KEYS, ...OVERLAY_KEYS])
    const value = r.pick(['y', '', bytes(r, 100), 'n'])
    setXattr(path, key, value)
    return `xattr ${path} ${key}`
  }],
  [3, (r, found) => {
    const path = r.pick([...found.entries, ...found.dirs])
    for (const key of KEYS) sys.removexattr(AT_FDCWD, path, key)
    return `unmark ${path}`
  }],
  [8, (r, _found, target) => linkEntry(r, target)],
  [2, (r, found) => {
    const files = found.entries.filter((path) => lstatSync(path).isFile())
    if (files.length === 0) return ''
    const path = `${r.pick(found.dirs)}/.wh.${r.pick(['a', 'b', 'c', 'd'])}`
    if (exists(path)) return ''
    linkSync(r.pick(files), path)
    return `a user's file as ${path}`
  }],
]

const TOTAL = DEEDS.reduce((sum, [weight]) => sum + weight, 0)

/** Damage a branch `count` times; answers what was done. */
export function damage(r: Random, target: Target, count: number): string[] {
  const done: string[] = []
  for (let i = 0; i < count; i++) {
    let left = r.below(TOTAL)
    const [, deed] = DEEDS.find(([weight]) => (left -= weight) < 0)!
    const said = deed(r, survey(`${target.root}/${target.area}`), target)
    if (said !== '') done.push(said)
  }
  return done
}
