/**
 * INIT: what the kernel offers, what we want, what both shall do. A pure function of bytes and options.
 */
import { InitFlag, IN_HEADER_SIZE, MAJOR, MINOR, MINOR_MIN } from './abi.js'
import type { Struct } from './struct.js'
import { InitIn, InitInShort, InitOut, SetxattrIn, SetxattrInShort } from './structs.js'

/** What a server asks for. */
export interface InitOptions {
  /** Set of InitFlag, made with `flagSet`: used if the kernel has them. INIT_EXT and MAX_PAGES are added as needed. */
  readonly want: number
  /** Set of InitFlag without which the mount makes no sense. */
  readonly require?: number
  /** Bytes one WRITE may carry. */
  readonly maxWrite: number
  /** Requests the kernel may have under way in the background (read-ahead, write-back). */
  readonly maxBackground: number
  /** Granularity of times in nanoseconds, a power of ten. */
  readonly timeGran: number
  /** Bytes of read-ahead; the kernel's own offer if left out or larger than that. */
  readonly maxReadahead?: number
  /** Depth of file systems stacked below a backing file, >= 1; sent with PASSTHROUGH only. Default 1. */
  readonly maxStackDepth?: number
  /** Pages one request may carry; by default what maxWrite needs. */
  readonly maxPages?: number
}

/** What was agreed. */
export interface Negotiated {
  readonly minor: number
  /** Set of InitFlag both sides use. */
  readonly flags: number
  /** Set of InitFlag the kernel offered. */
  readonly offered: number
  readonly maxWrite: number
  readonly maxReadahead: number
}

/** How an INIT ends: agreed, asked again with our major, or refused with a reason for people. */
export type InitResult =
  | { readonly kind: 'agreed'; readonly negotiated: Negotiated }
  | { readonly kind: 'again' }
  | { readonly kind: 'refused'; readonly reason: string }

const PAGE = 4096

/** Union of sets of InitFlag. They have more than 32 bits, so `|` will not do. */
export function flagSet(...sets: readonly number[]): number {
  let low = 0
  let high = 0
  for (const set of sets) {
    low |= set % 2 ** 32
    high |= Math.floor(set / 2 ** 32)
  }
  return joinFlags(low, high)
}

/** Flags in both sets. */
export function commonFlags(a: number, b: number): number {
  return joinFlags((a % 2 ** 32) & (b % 2 ** 32), Math.floor(a / 2 ** 32) & Math.floor(b / 2 ** 32))
}

/** Is the one InitFlag `flag` in `set`? */
export function hasFlag(set: number, flag: number): boolean {
  return Math.floor(set / flag) % 2 === 1
}

/** `flags` and `flags2` of the wire as one set. */
function joinFlags(low: number, high: number): number {
  // Bits above 20 of the high half would leave the range of exact doubles; the protocol has 11 of them so far.
  return (low >>> 0) + (high & 0xfffff) * 2 ** 32
}

/** Names of the flags in a set, for messages. */
function flagNames(set: number): string {
  return Object.entries(InitFlag).filter(([, flag]) => hasFlag(set, flag)).map(([name]) => name).join(', ')
}

/** The form a request structure has on the wire under these flags: SETXATTR's is the only one that still varies. */
export function wireForm(struct: Struct<unknown> | null, flags: number): Struct<unknown> | null {
  return struct === SetxattrIn && !hasFlag(flags, InitFlag.SETXATTR_EXT) ? SetxattrInShort : struct
}

/**
 * Answer an INIT.
 * @param words,end  the request; its structure begins after the header, and 16 bytes of it are there at least.
 * @param out       where fuse_init_out is written; 64 bytes are all set unless the INIT is refused.
 * Source: the comment "Version negotiation" of linux/fuse.h; fs/fuse/inode.c process_init_reply().
 */
export function negotiate(
  words: Uint32Array, end: number, options: InitOptions, out: Uint32Array, outAt: number,
): InitResult {
  const at = IN_HEADER_SIZE
  const short = InitInShort.decode(words, at)
  const first = outAt >> 2
  out.fill(0, first, first + InitOut.size / 4)
  if (short.major > MAJOR) {
    out[first] = MAJOR
    out[first + 1] = MINOR
    return { kind: 'again' }
  }
  if (short.major < MAJOR || short.minor < MINOR_MIN) {
    return {
      kind: 'refused',
      reason: `the kernel speaks FUSE ${short.major}.${short.minor}, we need ${MAJOR}.${MINOR_MIN} (Linux 3.15) or later`,
    }
  }
  const extended = hasFlag(short.flags, InitFlag.INIT_EXT) && end >= at + InitIn.size
  const offered = joinFlags(short.flags, extended ? InitIn.decode(words, at).flags2 : 0)
  const required = options.require ?? 0
  const missing = required - commonFlags(required, offered)
  if (missing !== 0) return { kind: 'refused', reason: `the kernel's FUSE lacks ${flagNames(missing)}` }

  const largeRequests = options.maxWrite > 32 * PAGE ? InitFlag.MAX_PAGES : 0
  const asked = flagSet(options.want, required, InitFlag.INIT_EXT, InitFlag.BIG_WRITES, largeRequests)
  const flags = commonFlags(asked, offered)
  // A kernel without max_pages carries 32 pages at most, whatever we say.
  const maxWrite = hasFlag(flags, InitFlag.MAX_PAGES) ? options.maxWrite : Math.min(options.maxWrite, 32 * PAGE)
  const negotiated = {
    minor: Math.min(short.minor, MINOR),
    flags,
    offered,
    maxWrite,
    maxReadahead: Math.min(options.maxReadahead ?? short.max_readahead, short.max_readahead),
  }
  putInitOut(out, first, negotiated, options)
  return { kind: 'agreed', negotiated }
}

/** fuse_init_out, on zeros; `i` is its first word. */
function putInitOut(out: Uint32Array, i: number, negotiated: Negotiated, options: InitOptions): void {
  const { flags, maxWrite } = negotiated
  // From three quarters on the kernel calls the device congested: its own rule (FUSE_DEFAULT_CONGESTION_THRESHOLD).
  const congested = Math.floor((options.maxBackground * 3) / 4)
  out[i] = MAJOR
  out[i + 1] = negotiated.minor
  out[i + 2] = negotiated.maxReadahead
  out[i + 3] = flags
  out[i + 4] = options.maxBackground | (congested << 16)
  out[i + 5] = maxWrite
  out[i + 6] = options.timeGran
  if (hasFlag(flags, InitFlag.MAX_PAGES)) out[i + 7] = options.maxPages ?? Math.ceil(maxWrite / PAGE)
  out[i + 8] = flags / 2 ** 32
  if (hasFlag(flags, InitFlag.PASSTHROUGH)) out[i + 9] = options.maxStackDepth ?? 1
}
