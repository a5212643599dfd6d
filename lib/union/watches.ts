/**
 * Watches on branch directories (udba=notify): which are watched, and which directories can be trusted for that.
 *
 * A directory is trusted when each of its parts is watched that may change, and was so before anything was read of it, and
 * its parent is trusted. What is known of it is then kept for ever, by us and by the kernel, until an event comes
 * (recheck.ts). Where there can be no watch, the directory and all below it are treated as with udba=reval.
 */
import type { MountConfig } from '../config/config.js'
import { sys, type Bytes, type WatchEvents } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { Absent } from './absent.js'
import type { Branch } from './branch.js'
import type { DirNode, Node } from './node.js'
import { dirfd } from './place.js'
import type { Union } from './union.js'

/** Names the kernel keeps as missing, all directories together. */
const ABSENT_MAX = 100_000

/** What the kernel is to be told, after the request in hand. */
export interface Told {
  /** A name leads elsewhere now, or nowhere. */
  drop(parent: number, name: string): void
  /** A name is to be looked up at its next use. */
  expire(parent: number, name: string): void
  /**
   * Answers about names in `parent` that are on their way shall have arrived before what follows. `unused` is a name that is
   * in no cache.
   */
  barrier(parent: number, unused: string): void
  /** Attributes of a node, and with `data` cached pages. */
  inode(nodeid: number, data: boolean): void
}

/** A directory on a branch. */
export interface Part {
  readonly dir: DirNode
  readonly branch: Branch
}

interface Watched extends Part {
  readonly number: number
}

/** How watching is done. */
export type WatchKind = 'fanotify' | 'inotify'

const KINDS: readonly WatchKind[] = ['fanotify', 'inotify']

/**
 * What udba=notify of a mount watches with; null with another udba, and where nothing can: then it is as with reval.
 * @param report gets a line in the latter case
 */
export function openWatches(config: MountConfig, branches: readonly Branch[], report: (line: string) => void): Watches | null {
  if (config.udba !== 'notify') return null
  try {
    return Watches.open(branches, config.watch === 'auto' ? KINDS : [config.watch], config.watchMax)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    report(`udba=notify: ${error.code}: the branches cannot be watched; they are looked at each time, as with udba=reval`)
    return null
  }
}

export class Watches {
  readonly absent = new Absent(ABSENT_MAX)
  /** Directories to be looked through, by recheck.ts; the first first. */
  readonly pending = new Set<DirNode>()
  /** Counted up when events were lost: a directory trusted at another count is not. */
  epoch = 1
  readonly kind: WatchKind
  /** How many directories on branches may be watched at once. */
  max: number
  readonly #byNumber = new Map<number, Watched[]>()
  readonly #byDir = new Map<DirNode, readonly Watched[]>()

  /** Called from the event loop while there is something to read. */
  wake = (): void => undefined

  private constructor(kind: WatchKind, max: number) {
    this.kind = kind
    this.max = max
  }

  /**
   * Begin, with what can watch the roots of all branches that may change.
   * @param kinds to be tried, in this order
   * @param max directories on branches watched at once
   * @throws Errno when none can
   */
  static open(branches: readonly Branch[], kinds: readonly WatchKind[], max: number): Watches {
    let rc = -E.EOPNOTSUPP
    for (const kind of kinds) {
      const watches = new Watches(kind, max)
      rc = sys.watchOpen(1 + KINDS.indexOf(kind), () => watches.wake())
      if (rc < 0) continue
      for (const branch of branches) if (rc >= 0 && branch.spec.perm !== 'rr') rc = sys.watchAdd(branch.fd)
      if (rc >= 0) return watches
      sys.watchClose()
    }
    throw new Errno(-rc, 'watch', 'branch')
  }

  /** How often events were lost. */
  get overflows(): number {
    return this.epoch - 1
  }

  /** Directories watched on branches. */
  get size(): number {
    return this.#byNumber.size
  }

  isTrusted(dir: DirNode): boolean {
    return dir.watched === this.epoch
  }

  /** Whose events these are. */
  parts(number: number): readonly Part[] {
    return this.#byNumber.get(number) ?? []
  }

  /** What has happened since, null if nothing. @throws Errno */
  read(): WatchEvents | null {
    const events = sys.watchRead()
    if (typeof events !== 'number') return events
    if (events < 0) throw new Errno(-events, 'read', 'watches')
    return null
  }

  isWatched(dir: DirNode): boolean {
    return this.#byDir.has(dir)
  }

  /**
   * Watch all parts of a directory as they are now; what is read of it from now on can be trusted. That is for the caller
   * to say, with `trust`.
   * @returns whether they are the same as before; undefined when they cannot all be watched
   */
  cover(union: Union, dir: DirNode): boolean | undefined {
    const before = this.#byDir.get(dir) ?? []
    const now: Watched[] = []
    for (const b of dir.branches) {
      const branch = union.branches[b]!
      if (branch.spec.perm === 'rr') continue
      const number = this.#add(union, dir, b)
      if (number < 0) {
        for (const part of now) this.#enter(part)
        this.leave(union, dir)
        return undefined
      }
      const part = { dir, branch, number }
      now.push(part)
      this.#enter(part)
    }
    this.#byDir.set(dir, now)
    for (const old of before) if (!now.some(part => part.number === old.number)) this.#remove(union, old)
    return before.length === now.length && before.every((old, i) => old.number === now[i]!.number)
  }

  /** May the kernel keep a node's name and attributes? */
  keeps(node: Node): boolean {
    if (node.isDir()) return this.isTrusted(node)
    return node.parent !== null && this.isTrusted(node.parent) && node.group === '' && !node.shared
  }

  /** The kernel is to keep that a name is missing. @returns for how many seconds */
  keepAbsent(union: Union, dir: DirNode, name: Bytes): number {
    for (const [oldest, names] of this.absent.add(dir, name)) {
      for (const each of names) if (!oldest.children.has(each)) union.told?.drop(oldest.id, each)
    }
    return Infinity
  }

  trust(dir: DirNode): void {
    dir.watched = this.epoch
  }

  #add(union: Union, dir: DirNode, branch: number): number {
    if (this.#byNumber.size >= this.max) return -E.ENOSPC
    try {
      return sys.watchAdd(dirfd(union, dir, branch))
    } catch (error) {
      if (error instanceof Errno) return -error.errno
      throw error
    }
  }

  #enter(part: Watched): void {
    const parts = this.#byNumber.get(part.number) ?? []
    const others = parts.filter(({ dir, branch }) => dir !== part.dir || branch !== part.branch)
    this.#byNumber.set(part.number, [...others, part])
  }

  #remove(union: Union, { number, dir, branch }: Watched): void {
    const rest = this.parts(number).filter(part => part.dir !== dir || part.branch !== branch) as Watched[]
    if (rest.length > 0) {
      this.#byNumber.set(number, rest)
      return
    }
    this.#byNumber.delete(number)
    let fd = -1
    try {
      fd = dirfd(union, dir, branch.index)
    } catch (error) {
      // It is gone, and its watch with it.
      if (!(error instanceof Errno)) throw error
    }
    sys.watchRemove(number, fd)
  }

  /** No longer watched, nor trusted. */
  leave(union: Union, dir: DirNode): void {
    dir.watched = 0
    this.pending.delete(dir)
    const parts = this.#byDir.get(dir)
    if (parts === undefined) return
    this.#byDir.delete(dir)
    for (const part of parts) this.#remove(union, part)
  }

  /** A directory leaves the tree. */
  forget(union: Union, dir: DirNode): void {
    this.absent.take(dir)
    this.leave(union, dir)
  }

  close(): void {
    sys.watchClose()
  }
}
