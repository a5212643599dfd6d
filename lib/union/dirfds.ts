/**
 * O_PATH fds of directories on branches, bounded. One fd serves every operation in that directory; an evicted one is
 * closed when the current request has ended, as somebody may still hold its number.
 */
import { LRUCache } from 'lru-cache'
import { sys } from '../os/native.js'
import type { DirNode } from './node.js'

/** More than any branch index: keys are `id * STRIDE + branch`. */
const STRIDE = 1024

export class DirFds {
  readonly #cache: LRUCache<number, number>
  #closing: number[] = []
  /** Which inode a kept fd is of (current.ts seenMark), where somebody has looked. */
  readonly #marks = new Map<number, number>()
  /** The last one asked for: most requests are about the same directory as the one before. */
  #lastKey = -1
  #lastFd = -1

  /** @param max how many fds may stay open, >= 16 */
  constructor(max: number) {
    this.#cache = new LRUCache({
      max,
      dispose: (fd, key) => {
        this.#closing.push(fd)
        this.#marks.delete(key)
        this.#lastKey = -1
        sys.attrForget(Math.floor(key / STRIDE))
      },
    })
  }

  get(dir: DirNode, branch: number): number | undefined {
    const key = dir.id * STRIDE + branch
    if (key === this.#lastKey) return this.#lastFd
    const fd = this.#cache.get(key)
    if (fd !== undefined) {
      this.#lastKey = key
      this.#lastFd = fd
    }
    return fd
  }

  /** The mark of the inode that the kept fd is of; undefined if nobody has looked. */
  mark(dir: DirNode, branch: number): number | undefined {
    return this.#marks.get(dir.id * STRIDE + branch)
  }

  setMark(dir: DirNode, branch: number, mark: number): void {
    this.#marks.set(dir.id * STRIDE + branch, mark)
  }

  /** The cache owns `fd` from now on. */
  put(dir: DirNode, branch: number, fd: number): void {
    this.#cache.set(dir.id * STRIDE + branch, fd)
  }

  /** Forget what is kept for a directory on one branch. */
  drop(dir: DirNode, branch: number): void {
    this.#cache.delete(dir.id * STRIDE + branch)
  }

  dropAll(dir: DirNode): void {
    for (const branch of dir.branches) this.drop(dir, branch)
  }

  /** Give up ownership of an fd, if there is one: the caller closes it. */
  take(dir: DirNode, branch: number): number | undefined {
    const fd = this.get(dir, branch)
    if (fd === undefined) return undefined
    this.drop(dir, branch)
    this.#closing = this.#closing.filter(other => other !== fd)
    return fd
  }

  /** Make room when the process is out of descriptors: half of them go at once. */
  relieve(): void {
    for (let n = this.#cache.size >> 1; n > 0; n--) this.#cache.pop()
    this.endRequest()
  }

  /** Close what was evicted during the request. */
  endRequest(): void {
    if (this.#closing.length === 0) return
    for (const fd of this.#closing) sys.close(fd)
    this.#closing = []
  }

  /** Forget all of them: branches have other places now. */
  clear(): void {
    this.#cache.clear()
    this.endRequest()
  }
}
