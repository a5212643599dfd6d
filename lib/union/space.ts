/** Room on a branch, asked for no more often than somebody wants to know. */
import { spaceOf, type FsSpace } from '../os/space.js'

/** A file system that does not answer gets nothing new: whoever must write there is told why. */
const UNKNOWN: FsSpace = { totalBytes: 0, usedBytes: Infinity, freeBytes: 0 }

export class Space {
  readonly #fd: number
  #known = UNKNOWN
  #askedMs = -Infinity

  /** @param fd of the branch's root; stays the branch's */
  constructor(fd: number) {
    this.#fd = fd
  }

  /** As of at most `maxAgeMs` ago. */
  get(maxAgeMs: number): FsSpace {
    const nowMs = process.uptime() * 1000
    if (nowMs - this.#askedMs >= maxAgeMs) {
      const space = spaceOf(this.#fd)
      this.#known = typeof space === 'number' ? UNKNOWN : space
      this.#askedMs = nowMs
    }
    return this.#known
  }

  freeBytes(maxAgeMs: number): number {
    return this.get(maxAgeMs).freeBytes
  }

  usedBytes(maxAgeMs: number): number {
    return this.get(maxAgeMs).usedBytes
  }
}
