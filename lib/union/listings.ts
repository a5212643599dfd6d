/**
 * The lists of merged directories: read from the branches, kept while they are good, bounded in number.
 */
import { sys, type Bytes, type RawListing } from '../os/native.js'
import { Errno } from '../os/errno.js'
import { st } from '../os/stat.js'
import { Listing } from './listing.js'
import { viewOf, type DirView, type Layers } from './lookup.js'
import type { DirNode } from './node.js'
import { dirfd } from './place.js'
import type { Union } from './union.js'

/** What takes the entries of a merged directory: the first of a name counts. */
interface Entries {
  addIfNew(name: Bytes, hash: number, branch: number, type: number, low: number, high: number): void
  /** Branch `branch` has whiteouts in it. */
  whited(branch: number): void
  /** All of a branch directory in which there can be no whiteouts, where that can be taken at once. */
  addPart?(part: RawListing, branch: number): void
}

/** The directory's part on a branch. @throws Errno of a branch that cannot be read */
function readPart(stack: Layers, view: DirView, branch: number): RawListing {
  const raw = sys.readdir(view.fd(branch))
  if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', stack.branches[branch]!.spec.path)
  return raw
}

/**
 * Read a directory on every branch and merge.
 * @param start makes what takes the entries, of which there are at most so many
 * @throws Errno of a branch that cannot be read
 */
export function mergeEntries<T extends Entries>(stack: Layers, view: DirView, start: (most: number) => T): T {
  const { shwh } = stack.config
  const parts = view.branches.map(b => readPart(stack, view, b))
  const made = start(parts.reduce((sum, { names }) => sum + names.length, 0))
  const hidden = new Set<Bytes>()
  const last = view.branches[view.branches.length - 1]
  for (const [place, b] of view.branches.entries()) {
    const branch = stack.branches[b]!
    const fd = view.fd(b)
    const { names, types, inos, hashes, plain } = parts[place]!
    if (plain && !branch.inPlace && hidden.size === 0 && made.addPart !== undefined) {
      made.addPart(parts[place]!, b)
      continue
    }
    const whiteouts: Bytes[] = []
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const what = branch.format.classify(name)
      if (what === 'whiteout' && branch.whiteable && (b !== last || shwh)) {
        whiteouts.push(branch.format.hidden(name))
      }
      if (what === 'reserved' || (what === 'whiteout' && !shwh)) continue
      if (branch.inPlace && branch.mayBeWhiteout(types[i]!) && branch.hidesInPlace(fd, name)) {
        whiteouts.push(name)
        if (!shwh) continue
      }
      if (!hidden.has(name)) made.addIfNew(name, hashes[i]!, b, types[i]!, inos[2 * i]!, inos[2 * i + 1]!)
    }
    for (const name of whiteouts) hidden.add(name)
    if (whiteouts.length > 0) made.whited(b)
  }
  return made
}

/** A change may leave a time as it is if it follows another one so closely: no clock of a file system is coarser. */
const TICK_MS = 20
let racy = 0

/**
 * Change times of the directory on each branch that may change behind our back. One that has changed just now may change
 * again without a new time (before Linux 6.13, or on ramfs): its stamp is like no other.
 */
function stampOf(union: Union, dir: DirNode): string {
  if (union.trusted(dir)) return ''
  const settledMs = Date.now() - TICK_MS
  let stamp = '='
  for (const b of dir.branches) {
    if (union.branches[b]!.spec.perm === 'rr') continue
    const rc = sys.statx(dirfd(union, dir, b), '')
    stamp += rc < 0 ? '?' : `${st.ctime}.${st.ctimeNsec},`
    if (rc === 0 && st.ctime * 1000 + st.ctimeNsec / 1e6 > settledMs) stamp += `${++racy}!`
  }
  return stamp
}

/**
 * The merged list of a directory: the one kept, if nothing changed, else read anew.
 * @param fresh check the branches' times (at the start of a scan); without it a kept list is taken as it is
 */
export function listing(union: Union, dir: DirNode, fresh: boolean): Listing {
  const kept = dir.listing
  if (kept !== null && (!fresh || (kept.stamp === '' && union.trusted(dir)))) {
    union.listings.keep(dir)
    return kept
  }
  const stamp = stampOf(union, dir)
  if (kept !== null && kept.stamp === stamp) return kept
  const made = mergeEntries(union, viewOf(union, dir), most => new Listing(stamp, most))
  made.exact = union.config.udba === 'none'
  dir.listing = made
  union.listings.keep(dir)
  return made
}

/** A new directory: its list is known, where every change comes by us. */
export function startListing(union: Union, dir: DirNode): void {
  if (union.config.udba !== 'none') return
  dir.listing = new Listing('')
  dir.listing.exact = true
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
  if (!union.trusted(dir) || parts === 1 || ++dir.asked < 4 || dir.asked * parts < ASKED_MIN) return false
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
