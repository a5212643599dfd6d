/**
 * Packs the answer to READDIR and READDIRPLUS: records one after the other, each begun at a multiple of 8.
 *
 *   READDIR      fuse_dirent { u64 ino, u64 off, u32 namelen, u32 type }, name, zeros
 *   READDIRPLUS  fuse_entry_out (128 bytes), then the same
 */
import { putU64 } from './reply.js'
import { writeBytes } from './words.js'

const DIRENT_SIZE = 24
const ENTRY_SIZE = 128

/** One answer being filled. Make one per request; `size` is what the operation returns. */
export class DirentPacker {
  readonly #out: Buffer
  readonly #words: Uint32Array
  readonly #start: number
  readonly #limit: number
  #at: number

  /**
   * @param out,words  the reply buffer and its words (`Request.out`, `Request.outWords`).
   * @param start     where the first record goes (HEADER).
   * @param limit     first byte that may not be written: start + the `size` of the request, at most the buffer's length.
   */
  constructor(out: Buffer, words: Uint32Array, start: number, limit: number) {
    this.#out = out
    this.#words = words
    this.#start = start
    this.#limit = Math.min(limit, out.length)
    this.#at = start
  }

  /** Where the next record begins, and the first byte that may not be written: for records made elsewhere (`advance`). */
  get at(): number {
    return this.#at
  }

  get limit(): number {
    return this.#limit
  }

  /** The next record begins at `at`: others have been put in, or are taken back. @pre a multiple of 8, up to the limit */
  advance(at: number): void {
    this.#at = at
  }

  /** Bytes packed so far. */
  get size(): number {
    return this.#at - this.#start
  }

  /**
   * Add a READDIR record.
   * @param ino   the number stat(2) gives for the entry, below 2^53.
   * @param off   what the next request shall send as offset to go on after this entry.
   * @param type  DT_* (S_IFMT >> 12).
   * @param name  latin1, 1..1024 chars, no `/`: the kernel answers EIO for the whole listing otherwise.
   * @returns false if it does not fit; nothing is written then.
   */
  add(ino: number, off: number, type: number, name: string): boolean {
    const at = this.#at
    const end = at + ((DIRENT_SIZE + name.length + 7) & ~7)
    if (end > this.#limit) return false
    this.#put(at, end, ino, off, type, name)
    return true
  }

  /**
   * Add a READDIRPLUS record. Where the entry belongs is zeroed, which says "no node, look it up if you need it"; write
   * `entryOut(out, offset, ...)` there to give one, and count one lookup for it. `.` and `..` must stay zero.
   * @returns the offset of the entry in the buffer, or -1 if the record does not fit.
   */
  addPlus(ino: number, off: number, type: number, name: string): number {
    const at = this.#at
    const end = at + ((ENTRY_SIZE + DIRENT_SIZE + name.length + 7) & ~7)
    if (end > this.#limit) return -1
    this.#words.fill(0, at >> 2, (at + ENTRY_SIZE) >> 2)
    this.#put(at + ENTRY_SIZE, end, ino, off, type, name)
    return at
  }

  #put(at: number, end: number, ino: number, off: number, type: number, name: string): void {
    const words = this.#words
    const i = at >> 2
    putU64(words, i, ino)
    putU64(words, i + 2, off)
    words[i + 4] = name.length
    words[i + 5] = type
    // The last 8 bytes first: the name then covers all but the padding, which so never shows what was there before.
    putU64(words, (end - 8) >> 2, 0)
    writeBytes(this.#out, name, at + DIRENT_SIZE)
    this.#at = end
  }
}
