/**
 * Merged directories as lists (aufs vdir).
 *
 * Entries are ordered by a hash of their name, and an entry's offset is that hash: offsets stay good whatever happens to
 * other entries, across eviction of the list, telldir/seekdir in another open, and remounts. So nothing is skipped
 * or doubled while a directory is emptied during its listing. ext4 orders its directories the same way.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno } from '../os/errno.js'
import { st } from '../os/stat.js'
import type { DirNode } from './node.js'
import { dirfd } from './place.js'
import type { Union } from './union.js'

/** Offsets below are `.` and `..`. */
export const FIRST_OFFSET = 3

/** One entry of a merged directory. */
export interface Entry {
  readonly name: Bytes
  /** Its offset, also the one at which listing goes on after it; FIRST_OFFSET .. 2^52. */
  offset: number
  /** Topmost branch that has it. */
  branch: number
  /** DT_* */
  readonly type: number
  /** Inode number on its branch; halves, as it may be 64 bits. 0, 0: to be looked up. */
  low: number
  high: number
}

/** Order of names: 51 bits, the same on every machine and in every version. */
export function nameHash(name: Bytes): number {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b + c, 0x85ebca6b) ^ (b >>> 15)
  }
  return ((a ^ (a >>> 15)) & 0x7ffff) * 0x100000000 + (b >>> 0) + FIRST_OFFSET
}

export class Listing {
  #entries: Entry[]
  #names: Map<Bytes, Entry>
  #added: Entry[] = []
  #sorted = false
  /** Times of the branch directories when it was read; '' while it is kept up to date by our own operations alone. */
  readonly stamp: string

  constructor(entries: Entry[], stamp: string) {
    this.#entries = entries
    this.#names = new Map(entries.map(entry => [entry.name, entry]))
    this.stamp = stamp
  }

  get size(): number {
    return this.#names.size
  }

  get(name: Bytes): Entry | undefined {
    return this.#names.get(name)
  }

  names(): Iterable<Bytes> {
    return this.#names.keys()
  }

  /** An entry appeared or was replaced. */
  add(name: Bytes, branch: number, type: number, low: number, high: number): void {
    this.remove(name)
    const entry = { name, offset: nameHash(name), branch, type, low, high }
    this.#names.set(name, entry)
    this.#added.push(entry)
  }

  /** An entry was copied up. */
  relocate(name: Bytes, branch: number): void {
    const entry = this.#names.get(name)
    if (entry === undefined) return
    entry.branch = branch
    entry.low = entry.high = 0
  }

  remove(name: Bytes): void {
    this.#names.delete(name)
  }

  /** Entries whose offset is greater than `offset`, in order. */
  *after(offset: number): Iterable<Entry> {
    this.#sort()
    const entries = this.#entries
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (entries[middle]!.offset > offset) high = middle
      else low = middle + 1
    }
    for (; low < entries.length; low++) {
      const entry = entries[low]!
      if (this.#names.get(entry.name) === entry) yield entry
    }
  }

  /** Bring in what was added, drop what was removed; equal hashes get following offsets. */
  #sort(): void {
    if (this.#sorted && this.#added.length === 0) return
    const live = this.#sorted || this.#added.length > 0
      ? [...this.#entries, ...this.#added].filter(entry => this.#names.get(entry.name) === entry)
      : this.#entries
    live.sort((x, y) => x.offset - y.offset || (x.name < y.name ? -1 : 1))
    for (let i = 1; i < live.length; i++) {
      const before = live[i - 1]!.offset
      if (live[i]!.offset <= before) live[i]!.offset = before + 1
    }
    this.#entries = live
    this.#added = []
    this.#sorted = true
  }
}

/** Read the directory on every branch and merge. @throws Errno of a branch that cannot be read */
function merge(union: Union, dir: DirNode, stamp: string): Listing {
  const entries: Entry[] = []
  const seen = new Set<Bytes>()
  const hidden = new Set<Bytes>()
  const last = dir.branches[dir.branches.length - 1]
  for (const b of dir.branches) {
    const branch = union.branches[b]!
    const raw = sys.readdir(dirfd(union, dir, b))
    if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', dir.name)
    const { names, types, inos } = raw
    const whiteouts: Bytes[] = []
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const what = branch.format.classify(name)
      if (what === 'whiteout' && branch.whiteable && (b !== last || union.config.shwh)) {
        whiteouts.push(branch.format.hidden(name))
      }
      if (what === 'reserved' || (what === 'whiteout' && !union.config.shwh)) continue
      if (seen.has(name) || hidden.has(name)) continue
      if (dir.branches.length > 1) seen.add(name)
      entries.push({
        name, offset: nameHash(name), branch: b, type: types[i]!, low: inos[2 * i]!, high: inos[2 * i + 1]!,
      })
    }
    for (const name of whiteouts) hidden.add(name)
  }
  return new Listing(entries, stamp)
}

/** Change and modification times of the directory on each branch that may change behind our back. */
function stampOf(union: Union, dir: DirNode): string {
  if (union.config.udba === 'none') return ''
  let stamp = '='
  for (const b of dir.branches) {
    if (union.branches[b]!.spec.perm === 'rr') continue
    const rc = sys.statx(dirfd(union, dir, b), '')
    stamp += rc < 0 ? '?' : `${st.ctime}.${st.ctimeNsec},`
  }
  return stamp
}

/**
 * The merged list of a directory: the one kept, if nothing changed, else read anew.
 * @param fresh check the branches' times (at the start of a scan); without it a kept list is taken as it is
 */
export function listing(union: Union, dir: DirNode, fresh: boolean): Listing {
  const kept = dir.listing
  if (kept !== null && (!fresh || (kept.stamp === '' && union.config.udba === 'none'))) {
    union.listings.keep(dir)
    return kept
  }
  const stamp = stampOf(union, dir)
  if (kept !== null && kept.stamp === stamp) return kept
  const made = merge(union, dir, stamp)
  dir.listing = made
  union.listings.keep(dir)
  return made
}

/** A new directory: its list is known. Kept only where every change comes by us. */
export function startListing(union: Union, dir: DirNode): void {
  if (union.config.udba !== 'none') return
  dir.listing = new Listing([], '')
  union.listings.keep(dir)
}

/** From so many lookups times branches on, reading the whole directory costs less than going on to ask for names. */
const ASKED_MIN = 64
/** The same for a directory whose parts are large: st_size says so on most file systems. */
const ASKED_LARGE = 20_000
const LARGE_BYTES = 256 * 1024

/**
 * A name was looked for on the branches: after some of these the directory is read, so that what a lookup costs does not
 * grow with the branches. Answers whether there is a list now. @throws Errno of a branch that cannot be read
 */
export function listIfAskedOften(union: Union, dir: DirNode): boolean {
  const parts = dir.branches.length
  if (union.config.udba !== 'none' || parts === 1 || ++dir.asked < 4 || dir.asked * parts < ASKED_MIN) return false
  if (dir.asked * parts < ASKED_LARGE && isLarge(union, dir)) return false
  dir.asked = 0
  listing(union, dir, false)
  return true
}

function isLarge(union: Union, dir: DirNode): boolean {
  let bytes = 0
  for (const b of dir.branches) if (sys.statx(dirfd(union, dir, b), '') === 0) bytes += st.size
  return bytes > LARGE_BYTES
}

/** Is there no name left? The logical emptiness test of rmdir(2), over all branches. */
export function isEmpty(union: Union, dir: DirNode): boolean {
  return listing(union, dir, true).size === 0
}

/** A list without an entry counts as this many. */
const EMPTY_SIZE = 8

/** Lists that are kept, bounded by their total number of entries; the oldest go first. */
export class Listings {
  readonly #sizes = new Map<DirNode, number>()
  readonly #max: number
  #total = 0

  /** @param max entries of all lists together */
  constructor(max: number) {
    this.#max = max
  }

  /** A directory has a list, and it was used now. */
  keep(dir: DirNode): void {
    this.drop(dir)
    const size = EMPTY_SIZE + (dir.listing?.size ?? 0)
    this.#sizes.set(dir, size)
    this.#total += size
    for (const [oldest] of this.#sizes) {
      if (this.#total <= this.#max || oldest === dir) break
      oldest.listing = null
      this.drop(oldest)
    }
  }

  drop(dir: DirNode): void {
    this.#total -= this.#sizes.get(dir) ?? 0
    this.#sizes.delete(dir)
  }
}
