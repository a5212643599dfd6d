/**
 * Names the kernel was told are not there, where it keeps that for ever (udba=notify): one that comes to be must be taken
 * back. The kernel tells nobody what it has forgotten, so the number is bounded here.
 */
import type { Bytes } from '../os/native.js'
import type { DirNode } from './node.js'

export class Absent {
  readonly #byDir = new Map<DirNode, Set<Bytes>>()
  readonly #max: number
  #total = 0

  /** @param max names of all directories together */
  constructor(max: number) {
    this.#max = max
  }

  /** How many there are. */
  get size(): number {
    return this.#total
  }

  /**
   * A name is about to be told as missing.
   * @returns directories whose names are too many now and no longer kept here: the kernel is to forget them too
   */
  add(dir: DirNode, name: Bytes): [DirNode, Set<Bytes>][] {
    const names = this.#byDir.get(dir)
    if (names === undefined) this.#byDir.set(dir, new Set([name]))
    else if (names.has(name)) return []
    else names.add(name)
    this.#total++
    const excess: [DirNode, Set<Bytes>][] = []
    for (const [oldest, its] of this.#byDir) {
      if (this.#total <= this.#max) break
      excess.push([oldest, its])
      this.take(oldest)
    }
    return excess
  }

  /** Is any name of the directory kept? */
  has(dir: DirNode): boolean {
    return this.#byDir.has(dir)
  }

  /** The name is no longer kept as missing. @returns whether it was */
  delete(dir: DirNode, name: Bytes): boolean {
    const names = this.#byDir.get(dir)
    if (names === undefined || !names.delete(name)) return false
    if (names.size === 0) this.#byDir.delete(dir)
    this.#total--
    return true
  }

  /** All names of a directory, no longer kept. */
  take(dir: DirNode): ReadonlySet<Bytes> {
    const names = this.#byDir.get(dir) ?? new Set()
    this.#byDir.delete(dir)
    this.#total -= names.size
    return names
  }
}
