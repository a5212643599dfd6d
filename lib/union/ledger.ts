/**
 * The ledger of copy-ups: who had what copied, why, and what it cost. In memory, from mount to unmount; the latest
 * ENTRIES_MAX are kept with their details, all are counted. Nothing is done for it but when something is copied up.
 */
import type { Bytes } from '../os/native.js'
import { processOf } from '../os/caller.js'
import type { Node } from './node.js'
import { ROOT_ID } from './tree.js'

/** Entries kept. */
export const ENTRIES_MAX = 4096
/** Bytes their paths may have together: the oldest go first when there are more. */
export const PATH_BYTES_MAX = 1024 * 1024

/** One copy-up. */
export interface CopyUpEntry {
  /** Milliseconds since 1970. */
  readonly timeMs: number
  /** In the union, from its root, as it was then; '' for a file that had lost its name. */
  readonly path: Bytes
  /** Inode number in the union, which stays when the path changes. */
  readonly ino: number
  /** S_IFMT bits. */
  readonly kind: number
  /** Paths of the branches. */
  readonly from: Bytes
  readonly to: Bytes
  /** Of data, holes included; 0 for what has none, and for a file that is truncated to nothing. */
  readonly bytes: number
  /** The operation that made it necessary: write, chmod, rename, ... */
  readonly reason: string
  readonly uid: number
  /** 0 when the kernel did it by itself: it wrote back pages of a mapping. */
  readonly pid: number
  readonly command: string
}

/** How many copy-ups, of how many bytes. */
export interface Sum {
  readonly count: number
  readonly bytes: number
}

/** What `tsaufs ledger` is told. */
export interface LedgerReport {
  readonly sinceMs: number
  readonly total: Sum
  /** Of all, also those whose entries are no longer kept. */
  readonly byReason: Readonly<Record<string, Sum>>
  /** Oldest first. */
  readonly entries: readonly CopyUpEntry[]
}

/** On whose behalf the union is at work. */
export interface Behalf {
  /** ALLOW_IDMAP: NO_UID where nothing is made; then the process is asked. */
  readonly uid: number
  /** A thread, as FUSE tells. */
  readonly tid: number
  readonly reason: string
}

const NO_UID = 0xffffffff

const NOBODY: Behalf = { uid: 0, tid: 0, reason: 'control' }

/** Path of a node in the union, from its root with a leading slash; '' if it has none. */
export function unionPath(node: Node): Bytes {
  let path = ''
  let at = node
  for (; at.parent !== null; at = at.parent) path = `/${at.name}${path}`
  if (at.id !== ROOT_ID) return ''
  return path === '' ? '/' : path
}

export class Ledger {
  /** Set by who serves: whose request is in hand. */
  behalf: () => Behalf = () => NOBODY
  /** Gets each entry as it is made, while somebody listens. */
  listener: ((entry: CopyUpEntry) => void) | null = null
  readonly #sinceMs = Date.now()
  #entries: CopyUpEntry[] = []
  /** Entries before this one are forgotten; the array is cut when half of it is. */
  #first = 0
  #pathBytes = 0
  readonly #sums = new Map<string, { count: number, bytes: number }>()
  readonly #bounds: { readonly entries: number, readonly pathBytes: number }

  /** @param bounds how much is kept, for tests */
  constructor(bounds = { entries: ENTRIES_MAX, pathBytes: PATH_BYTES_MAX }) {
    this.#bounds = bounds
  }

  /** `node` was copied from one branch (its path) to another. */
  record(node: Node, from: Bytes, to: Bytes, bytes: number): void {
    const { uid, tid, reason } = this.behalf()
    const process = processOf(tid)
    const entry = {
      timeMs: Date.now(), path: unionPath(node), ino: node.ino, kind: node.kind, from, to, bytes, reason,
      ...process, uid: uid === NO_UID ? process.uid : uid,
    }
    this.#entries.push(entry)
    this.listener?.(entry)
    this.#pathBytes += entry.path.length
    const sum = this.#sums.get(reason) ?? { count: 0, bytes: 0 }
    sum.count++
    sum.bytes += bytes
    this.#sums.set(reason, sum)
    this.#forget()
  }

  #forget(): void {
    while (this.#entries.length - this.#first > this.#bounds.entries || this.#pathBytes > this.#bounds.pathBytes) {
      this.#pathBytes -= this.#entries[this.#first++]!.path.length
    }
    if (this.#first <= this.#bounds.entries) return
    this.#entries = this.#entries.slice(this.#first)
    this.#first = 0
  }

  /** Everything, for people. */
  report(): LedgerReport {
    const sums = [...this.#sums.values()]
    return {
      sinceMs: this.#sinceMs,
      total: { count: sums.reduce((n, sum) => n + sum.count, 0), bytes: sums.reduce((n, sum) => n + sum.bytes, 0) },
      byReason: Object.fromEntries(this.#sums),
      entries: this.#entries.slice(this.#first),
    }
  }

  /** The copy-ups of one inode that are still known, oldest first. */
  of(ino: number): readonly CopyUpEntry[] {
    return this.#entries.filter((entry, i) => i >= this.#first && entry.ino === ino)
  }
}
