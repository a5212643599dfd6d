/**
 * A map from names to objects in one array, key beside value: half the memory of a Map, of which a tree of a million
 * names has most. Open addressing with linear probing.
 */
import { nameHash } from './name-hash.js'

/** In place of a removed key: what collided with it lies behind. */
const GONE = '\0'
const SLOTS_MIN = 4

export class NameMap<V extends object> {
  /** Keys at even places, values behind them. */
  #slots: (string | V | undefined)[] = []
  /** Slots with a key or GONE. */
  #used = 0
  size = 0

  /** Place of a name's key; -1 without one. */
  #find(name: string): number {
    if (this.size === 0) return -1
    const slots = this.#slots
    const mask = slots.length - 1
    for (let at = (nameHash(name) << 1) & mask; slots[at] !== undefined; at = (at + 2) & mask) {
      if (slots[at] === name) return at
    }
    return -1
  }

  get(name: string): V | undefined {
    const at = this.#find(name)
    return at < 0 ? undefined : this.#slots[at + 1] as V
  }

  has(name: string): boolean {
    return this.#find(name) >= 0
  }

  /** @pre a name has no NUL */
  set(name: string, value: V): void {
    const at = this.#find(name)
    if (at >= 0) {
      this.#slots[at + 1] = value
      return
    }
    if (5 * (this.#used + 1) > 2 * this.#slots.length) this.#resize(this.size + 1)
    this.#put(name, value)
    this.size++
  }

  #put(name: string, value: V): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (nameHash(name) << 1) & mask
    while (slots[at] !== undefined) at = (at + 2) & mask
    slots[at] = name
    slots[at + 1] = value
    this.#used++
  }

  delete(name: string): boolean {
    const at = this.#find(name)
    if (at < 0) return false
    this.#slots[at] = GONE
    this.#slots[at + 1] = undefined
    this.size--
    if (this.size === 0) {
      this.#slots = []
      this.#used = 0
    }
    return true
  }

  /** Names and values as they are now, in no order. */
  entries(): [string, V][] {
    const all: [string, V][] = []
    for (let at = 0; at < this.#slots.length; at += 2) {
      const name = this.#slots[at]
      if (name !== undefined && name !== GONE) all.push([name as string, this.#slots[at + 1] as V])
    }
    return all
  }

  /** So many names are about to be entered. */
  reserve(more: number): void {
    if (5 * (this.#used + more) > 2 * this.#slots.length) this.#resize(this.size + more)
  }

  /** Slots for half as many names again, so that between 0.4 and 0.8 of them are used; names that are gone are left out. */
  #resize(names: number): void {
    const old = this.#slots
    let slots = SLOTS_MIN
    while (2 * slots < 3 * names) slots *= 2
    this.#slots = new Array<string | V | undefined>(2 * slots).fill(undefined)
    this.#used = 0
    for (let at = 0; at < old.length; at += 2) {
      const name = old[at]
      if (name !== undefined && name !== GONE) this.#put(name as string, old[at + 1] as V)
    }
  }
}
