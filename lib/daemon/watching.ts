/**
 * udba=notify: when events of the branches are taken in, and how the kernel is told.
 *
 * Before each request, so that it sees what was changed before it; else from the event loop. The kernel is told by its own
 * thread (fuse/invalidate.ts), one batch at a time: what comes up meanwhile is collected, each name and node once.
 */
import type { Invalidations } from '../fuse/invalidate.js'
import type { Told, Union } from '../union/union.js'

/** How much a storm may add while somebody waits for what was before it. */
const TAKES_MAX = 1000

type Names = Map<number, Set<string>>

function put(names: Names, parent: number, name: string): void {
  const its = names.get(parent)
  if (its === undefined) names.set(parent, new Set([name]))
  else its.add(name)
}

/** What the kernel is to be told, collected. */
class Collected implements Told {
  #drops: Names = new Map()
  #expired: Names = new Map()
  #barriers = new Map<number, string>()
  #inodes = new Map<number, boolean>()
  #empty = true

  get empty(): boolean {
    return this.#empty
  }

  drop(parent: number, name: string): void {
    put(this.#drops, parent, name)
    this.#empty = false
  }

  expire(parent: number, name: string): void {
    put(this.#expired, parent, name)
    this.#empty = false
  }

  barrier(parent: number, unused: string): void {
    this.#barriers.set(parent, unused)
    this.#empty = false
  }

  inode(nodeid: number, data: boolean): void {
    this.#inodes.set(nodeid, data || this.#inodes.get(nodeid) === true)
    this.#empty = false
  }

  /** Hand it on: names first, since inodes rely on the barriers. */
  give(stale: Invalidations): void {
    for (const [parent, names] of this.#drops) for (const name of names) stale.drop(parent, name)
    for (const [parent, names] of this.#expired) for (const name of names) stale.expire(parent, name)
    for (const [parent, unused] of this.#barriers) {
      if (!this.#drops.has(parent) && !this.#expired.has(parent)) stale.barrier(parent, unused)
    }
    for (const [nodeid, data] of this.#inodes) {
      if (data) stale.inode(nodeid)
      else stale.attributes(nodeid)
    }
    this.#drops = new Map()
    this.#expired = new Map()
    this.#barriers = new Map()
    this.#inodes = new Map()
    this.#empty = true
  }
}

/** A mount whose branches are watched, while they are: `udba` may become another. */
export class Watching {
  readonly #union: Union
  readonly #stale: Invalidations
  readonly #log: (line: string) => void
  readonly #told = new Collected()
  #sending: Promise<void> | null = null
  #scheduled = false

  /** @param log gets what goes wrong */
  constructor(union: Union, stale: Invalidations, log: (line: string) => void) {
    this.#union = union
    this.#stale = stale
    this.#log = log
    this.follow()
  }

  /** Are branches watched? */
  get active(): boolean {
    return this.#union.watches !== null
  }

  /** The union's watches have come or gone. */
  follow(): void {
    const { watches } = this.#union
    this.#union.told = watches === null ? null : this.#told
    if (watches !== null) watches.wake = () => void this.take()
  }

  /** Take in what has happened. Before each request, and when there is something. @returns whether there was */
  take(): boolean {
    try {
      if (!this.#union.takeEvents()) return false
      this.after()
      return true
    } catch (error) {
      this.#log(`watching the branches: ${error instanceof Error ? error.stack : String(error)}`)
      return false
    }
  }

  /** After something may have been found out: have the kernel told, and the rest looked at when there is time. */
  after(): void {
    if (!this.#told.empty) this.#send()
    if (this.#scheduled || this.#union.watches === null || this.#union.watches.pending.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#lookThrough(false)
      this.after()
    })
  }

  #lookThrough(all: boolean): void {
    try {
      this.#union.lookThrough(all)
      this.#union.dirfds.endRequest()
    } catch (error) {
      this.#log(`watching the branches: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  #send(): void {
    if (this.#sending !== null) return
    this.#told.give(this.#stale)
    this.#sending = this.#stale.flush().then(() => {
      this.#sending = null
      this.after()
    })
  }

  /** What has happened on the branches before the call shows in the mount. */
  async settle(): Promise<void> {
    for (let i = 0; i < TAKES_MAX && this.take(); i++) continue
    this.#lookThrough(true)
    this.after()
    // await: requests are served meanwhile, and may find out more.
    while (this.#sending !== null) await this.#sending
  }
}
