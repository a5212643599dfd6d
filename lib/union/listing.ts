/**
 * A merged directory as a list (aufs vdir): a table of its entries, found by name and given in the order of their offsets.
 *
 * An entry's offset is a hash of its name: offsets stay good whatever happens to other entries, across eviction of the
 * list, telldir/seekdir in another open, and remounts. So nothing is skipped or doubled while a directory is emptied
 * during its listing. ext4 orders its directories the same way.
 *
 * Columns instead of objects, as there are directories of a hundred thousand entries: 30 bytes each and the name.
 */
import { sys, type Bytes, type RawListing } from '../os/native.js'
import { must } from '../os/errno.js'
import { nameHash, rememberHash } from '../util/name-hash.js'

/** Offsets below are `.` and `..`. */
export const FIRST_OFFSET = 3
const CAPACITY_MIN = 8
const NO_BRANCH = 0xffff
/** In `#types`, above DT_*: no branch below the entry's is known to have the name too, and none can. */
const ALONE = 0x80
const DT_MASK = 0x7f
const DT_UNKNOWN = 0
const DT_DIR = 4

/** One entry of a merged directory. */
export interface Entry {
  readonly name: Bytes
  /** Its offset, also the one at which listing goes on after it; FIRST_OFFSET .. 2^52. */
  readonly offset: number
  /** Topmost branch that has it. */
  readonly branch: number
  /** DT_* */
  readonly type: number
  /** Inode number on its branch; halves, as it may be 64 bits. 0, 0: to be looked up. */
  readonly low: number
  readonly high: number
}

/** Order of names: 51 bits, the same on every machine and in every version. */
export function offsetOf(name: Bytes): number {
  return nameHash(name) + FIRST_OFFSET
}

export class Listing {
  /** Times of the branch directories when it was read; '' while it is kept up to date by our own operations alone. */
  readonly stamp: string
  /** Nobody changes the branches but us: what it says of whiteouts and of what lies below holds at every moment. */
  exact = false
  /** Entries that are there. */
  size = 0
  #rows = 0
  #names: Bytes[] = []
  #offsets!: Float64Array
  /** NO_BRANCH: the row's entry is gone. */
  #branches!: Uint16Array
  #types!: Uint8Array
  #inos!: Uint32Array
  /** Row + 1 by hash of the name, open addressing; a row that is gone still leads on to what collided with it. */
  #index!: Int32Array
  /** Rows by offset; null when that is to be found out again. */
  #order: Int32Array | null = null
  /** Some offsets are not the hash any more, as another name had it first. */
  #shifted = false

  readonly #hash: (name: Bytes) => number
  /** Branches on which there is, or may be, a whiteout in this directory. */
  readonly #whited = new Set<number>()

  /**
   * @param expected about how many entries will be added
   * @param hash another order of names, to have equal ones in a test
   */
  constructor(stamp: string, expected = 0, hash = offsetOf) {
    this.stamp = stamp
    this.#hash = hash
    this.#allocate(Math.max(expected, CAPACITY_MIN))
  }

  #allocate(capacity: number): void {
    this.#offsets = new Float64Array(capacity)
    this.#branches = new Uint16Array(capacity)
    this.#types = new Uint8Array(capacity)
    this.#inos = new Uint32Array(2 * capacity)
    this.#index = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 1.5)))
  }

  /** Row of a name; -1 without one. */
  #find(name: Bytes, hash: number): number {
    const mask = this.#index.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = this.#index[at]! - 1
      if (row < 0) return -1
      if (this.#names[row] === name && this.#branches[row] !== NO_BRANCH) return row
    }
  }

  #entry(row: number): Entry {
    return {
      name: this.#names[row]!, offset: this.#offsets[row]!, branch: this.#branches[row]!,
      type: this.#types[row]! & DT_MASK,
      low: this.#inos[2 * row]!, high: this.#inos[2 * row + 1]!,
    }
  }

  get(name: Bytes): Entry | undefined {
    const row = this.#find(name, this.#hash(name))
    return row < 0 ? undefined : this.#entry(row)
  }

  /**
   * An entry appeared or was replaced.
   * @param alone no branch below has the name
   */
  add(name: Bytes, branch: number, type: number, low: number, high: number, alone = false): void {
    this.remove(name)
    this.merge(name, this.#hash(name), branch, alone ? type | ALONE : type, low, high)
  }

  /**
   * An entry of a branch that is looked at below others: not there already, it is added.
   * @param hash nameHash(name)
   */
  addIfNew(name: Bytes, hash: number, branch: number, type: number, low: number, high: number): void {
    this.merge(name, hash + FIRST_OFFSET, branch, type | ALONE, low, high)
  }

  /**
   * All entries of a branch, as addIfNew() would add them one by one. @pre made with room for them, without another hash
   * @throws Errno EINVAL without room
   */
  addPart({ names, hashes, types, inos }: RawListing, branch: number): void {
    const same = new Int32Array(names.length)
    const added = must(sys.putRows(
      this.#index, this.#offsets, this.#branches, this.#types, this.#inos, this.#rows, branch, hashes, types, inos, same,
    ), 'putRows')
    if (added === names.length) this.#names = this.#names.length === 0 ? names : this.#names.concat(names)
    else names.forEach((name, i) => { if (same[i] === 0) this.#names.push(name) })
    this.#rows += added
    this.size += added
    this.#order = null
    if (added === names.length) return
    for (let i = 0; i < names.length; i++) {
      if (same[i] !== 0) this.addIfNew(names[i]!, hashes[i]!, branch, types[i]!, inos[2 * i]!, inos[2 * i + 1]!)
    }
  }

  private merge(name: Bytes, offset: number, branch: number, type: number, low: number, high: number): void {
    const row = this.#find(name, offset)
    if (row >= 0) {
      this.#types[row]! &= DT_MASK
      return
    }
    if (this.#rows === this.#types.length) this.#grow()
    this.#put(name, offset, offset, branch, type, low, high)
    this.size++
    this.#order = null
  }

  #put(name: Bytes, hash: number, offset: number, branch: number, type: number, low: number, high: number): void {
    const row = this.#rows++
    this.#names[row] = name
    this.#offsets[row] = offset
    this.#branches[row] = branch
    this.#types[row] = type
    this.#inos[2 * row] = low
    this.#inos[2 * row + 1] = high
    const mask = this.#index.length - 1
    let at = hash & mask
    while (this.#index[at] !== 0) at = (at + 1) & mask
    this.#index[at] = row + 1
  }

  /** Room for more; rows whose entries are gone are left out. */
  #grow(): void {
    const [rows, names, offsets, branches, types, inos] =
      [this.#rows, this.#names, this.#offsets, this.#branches, this.#types, this.#inos]
    this.#allocate(Math.max(CAPACITY_MIN, Math.ceil(this.size * 1.5)))
    this.#rows = 0
    this.#names = []
    for (let row = 0; row < rows; row++) {
      if (branches[row] === NO_BRANCH) continue
      const name = names[row]!
      this.#put(name, this.#hash(name), offsets[row]!, branches[row]!, types[row]!, inos[2 * row]!, inos[2 * row + 1]!)
    }
  }

  /** Whiteouts in this directory on a branch: there are some, or one was made. */
  whited(branch: number): void {
    this.#whited.add(branch)
  }

  /** May there be whiteouts in this directory on a branch? @pre it is kept up to date, and the branch is not the lowest */
  mayHoldWhiteouts(branch: number): boolean {
    return this.#whited.has(branch)
  }

  /**
   * Would a name show through if it were not on `branch` and above?
   * @returns undefined when that is not known from here
   */
  showsBelow(name: Bytes, branch: number): boolean | undefined {
    const row = this.#find(name, this.#hash(name))
    if (row < 0) return undefined
    if (this.#branches[row]! > branch) return true
    return (this.#types[row]! & ALONE) !== 0 ? false : undefined
  }

  /** An entry was copied up. */
  relocate(name: Bytes, branch: number): void {
    const row = this.#find(name, this.#hash(name))
    if (row < 0) return
    this.#branches[row] = branch
    this.#types[row]! &= DT_MASK
    this.#inos[2 * row] = this.#inos[2 * row + 1] = 0
  }

  remove(name: Bytes): void {
    const row = this.#find(name, this.#hash(name))
    if (row < 0) return
    this.#branches[row] = NO_BRANCH
    this.#names[row] = ''
    this.size--
  }

  /** Place, in the order of offsets, of the first entry after `offset`. For entryAt(), while nothing is added. */
  placeAfter(offset: number): number {
    const order = this.#order ??= this.#sort()
    let [low, high] = [0, order.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#offsets[order[middle]!]! > offset) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The entry at a place: null if it is gone, undefined beyond the last. */
  entryAt(place: number): Entry | null | undefined {
    const row = this.#order![place]
    if (row === undefined) return undefined
    return this.#branches[row] === NO_BRANCH ? null : this.#entry(row)
  }

  /** Branch of the entry at a place if that is no directory, and neither unknown nor gone; else -1. */
  leafBranch(place: number): number {
    const row = this.#order![place]
    if (row === undefined || this.#branches[row] === NO_BRANCH) return -1
    const type = this.#types[row]! & DT_MASK
    return type === DT_DIR || type === DT_UNKNOWN ? -1 : this.#branches[row]!
  }

  /**
   * READDIR records of entries that lie on `branch` and are no directories, from a place on, while nothing is added.
   * @param base what their inode numbers are added to
   * @param done `done[0]` gets how many
   * @returns bytes written
   */
  pack(out: Buffer, at: number, limit: number, place: number, branch: number, base: number, done: Uint32Array): number {
    return must(sys.packRows(
      this.#names, this.#offsets, this.#branches, this.#types, this.#order!, out, at, limit, place, branch, base, this.#inos, done,
    ), 'packRows')
  }

  /** The same for READDIRPLUS, with attributes, of those that have one name. @returns how many (Native.packRowsPlus) */
  packPlus(out: Buffer, at: number, limit: number, place: number, branch: number, base: number, dirfd: number, found: Uint32Array): number {
    return must(sys.packRowsPlus(
      this.#names, this.#offsets, this.#branches, this.#types, this.#order!, out, at, limit, place, branch, base, dirfd, found,
    ), 'packRowsPlus')
  }

  /** Name of the entry at a place, its hash made known to whoever asks next. @pre there is one */
  nameAt(place: number): Bytes {
    const row = this.#order![place]!
    const name = this.#names[row]!
    if (!this.#shifted) rememberHash(name, this.#offsets[row]! - FIRST_OFFSET)
    return name
  }

  /** DT_* of the entry at a place. @pre there is one */
  typeAt(place: number): number {
    return this.#types[this.#order![place]!]! & DT_MASK
  }

  /** Rows by offset; equal hashes get following offsets, in the order of the names. */
  #sort(): Int32Array {
    const offsets = this.#offsets
    const order = new Int32Array(this.size)
    if (must(sys.sortRows(offsets, this.#branches, this.#rows, order), 'sortRows') === 0) return order
    this.#shifted = true
    for (let i = 1; i < order.length; i++) {
      const before = offsets[order[i - 1]!]!
      if (offsets[order[i]!]! > before) continue
      this.#sortEqual(order, i - 1)
      offsets[order[i]!] = offsets[order[i - 1]!]! + 1
    }
    return order
  }

  /** Put rows with the offset of the one at `from` in the order of their names. */
  #sortEqual(order: Int32Array, from: number): void {
    const offset = this.#offsets[order[from]!]!
    let end = from + 1
    while (end < order.length && this.#offsets[order[end]!] === offset) end++
    const names = this.#names
    order.subarray(from, end).sort((x, y) => (names[x]! < names[y]! ? -1 : 1))
  }
}
