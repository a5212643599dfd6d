/**
 * Writers of replies: each puts one structure into a preallocated buffer and answers its size in bytes, which is what an
 * operation returns. `out` is `Request.out`, `at` mostly HEADER. Numbers come as plain arguments: a reply makes no garbage.
 */
import { wordsOver } from './words.js'

const ATTR_SIZE = 88
const ENTRY_SIZE = 128

/** Longest timeout we write: for ever in every kernel's arithmetic, and exact in a double. */
const FOREVER_SECONDS = Number.MAX_SAFE_INTEGER

const NO_ENTRY = new Uint8Array(ENTRY_SIZE)

let lastBuffer: Buffer | null = null
let lastWords: Uint32Array = new Uint32Array(0)

/** The words of a buffer, made once as long as the same buffer is asked for: replies all go through one. */
function wordsOf(buffer: Buffer): Uint32Array {
  if (buffer !== lastBuffer) {
    lastBuffer = buffer
    lastWords = wordsOver(buffer)
  }
  return lastWords
}

/** A whole number 0 .. 2^53 as u64, at a word's index. */
export function putU64(words: Uint32Array, i: number, value: number): void {
  words[i] = value
  words[i + 1] = value / 4294967296
}

/** Seconds of a timeout, whole and nanoseconds, at two words' indices; Infinity and absurd values become for ever. */
function putTimeout(words: Uint32Array, i: number, nsec: number, seconds: number): void {
  if (seconds < FOREVER_SECONDS) {
    const whole = Math.floor(seconds)
    putU64(words, i, whole)
    words[nsec] = (seconds - whole) * 1e9
  } else {
    putU64(words, i, FOREVER_SECONDS)
    words[nsec] = 0
  }
}

/**
 * fuse_out_header, at offset 0.
 * @param length  of the whole reply in bytes, header included.
 * @param error   0 or -errno (or a NotifyCode when unique is 0).
 * @param uniqueLo,uniqueHi  the request's `unique`, echoed as it came (bit 63 marks a request sent again).
 */
export function writeHeader(words: Uint32Array, length: number, error: number, uniqueLo: number, uniqueHi: number): void {
  words[0] = length
  words[1] = error
  words[2] = uniqueLo
  words[3] = uniqueHi
}

/**
 * fuse_entry_out: a name's node. 128 bytes.
 * @param nodeid      0 says "no such name" and lets the kernel keep that for entryValid.
 * @param entryValid  seconds the name may be cached; fractions count, Infinity is for ever.
 * @param attrValid   seconds the attributes may be cached.
 * @param attrBytes   a struct fuse_attr, 88 bytes (`st.attr` of lib/os/stat.ts).
 */
export function entryOut(
  out: Buffer, at: number, nodeid: number, generation: number, entryValid: number, attrValid: number, attrBytes: Buffer,
): number {
  const words = wordsOf(out)
  const i = at >> 2
  putU64(words, i, nodeid)
  putU64(words, i + 2, generation)
  putTimeout(words, i + 4, i + 8, entryValid)
  putTimeout(words, i + 6, i + 9, attrValid)
  out.set(attrBytes, at + 40)
  return ENTRY_SIZE
}

/** Whose entry it is, in a fuse_entry_out that has all else. */
export function entryNode(words: Uint32Array, at: number, nodeid: number, generation: number): void {
  putU64(words, at >> 2, nodeid)
  putU64(words, (at >> 2) + 2, generation)
}

/** fuse_entry_out for a name that is not there: the kernel keeps the miss for entryValid seconds. 128 bytes. */
export function missingEntryOut(out: Buffer, at: number, entryValid: number): number {
  out.set(NO_ENTRY, at)
  const i = at >> 2
  putTimeout(wordsOf(out), i + 4, i + 8, entryValid)
  return ENTRY_SIZE
}

/** fuse_attr_out. 104 bytes. Arguments as of entryOut. */
export function attrOut(out: Buffer, at: number, attrValid: number, attrBytes: Buffer): number {
  const words = wordsOf(out)
  const i = at >> 2
  putTimeout(words, i, i + 2, attrValid)
  words[i + 3] = 0
  out.set(attrBytes, at + 16)
  return 16 + ATTR_SIZE
}

/** fuse_open_out. 16 bytes. `flags` is a set of Fopen; `backingId` is read with Fopen.PASSTHROUGH only, else 0. */
export function openOut(out: Buffer, at: number, fh: number, flags: number, backingId: number): number {
  const words = wordsOf(out)
  const i = at >> 2
  putU64(words, i, fh)
  words[i + 2] = flags
  words[i + 3] = backingId
  return 16
}

/** CREATE's and TMPFILE's answer: fuse_entry_out, then fuse_open_out. 144 bytes. */
export function createOut(
  out: Buffer, at: number, nodeid: number, generation: number, entryValid: number, attrValid: number, attrBytes: Buffer,
  fh: number, flags: number, backingId: number,
): number {
  const entry = entryOut(out, at, nodeid, generation, entryValid, attrValid, attrBytes)
  return entry + openOut(out, at + entry, fh, flags, backingId)
}

/** A u32 and its padding: three answers have this form. */
function sizeOut(out: Buffer, at: number, size: number): number {
  const words = wordsOf(out)
  words[at >> 2] = size
  words[(at >> 2) + 1] = 0
  return 8
}

/** fuse_write_out, also the answer to COPY_FILE_RANGE: bytes written. 8 bytes. */
export function writeOut(out: Buffer, at: number, size: number): number {
  return sizeOut(out, at, size)
}

/** fuse_getxattr_out: GETXATTR or LISTXATTR asked with size 0. 8 bytes. */
export function xattrSizeOut(out: Buffer, at: number, size: number): number {
  return sizeOut(out, at, size)
}

/** fuse_poll_out. 8 bytes. */
export function pollOut(out: Buffer, at: number, revents: number): number {
  return sizeOut(out, at, revents)
}

/** fuse_statfs_out: the first 80 bytes of `kstatfs` (`sys.fsstat` has that form). 80 bytes. */
export function statfsOut(out: Buffer, at: number, kstatfs: Buffer): number {
  kstatfs.copy(out, at, 0, 80)
  return 80
}

/** fuse_lseek_out; with the bytes copied also the answer to COPY_FILE_RANGE_64, with a block to BMAP. 8 bytes. */
export function lseekOut(out: Buffer, at: number, offset: number): number {
  putU64(wordsOf(out), at >> 2, offset)
  return 8
}

/** fuse_ioctl_out; `result` is what ioctl(2) answers, the bytes for the caller follow. 16 bytes. */
export function ioctlOut(out: Buffer, at: number, result: number): number {
  wordsOf(out).fill(0, at >> 2, (at >> 2) + 4)
  wordsOf(out)[at >> 2] = result
  return 16
}

/**
 * fuse_statx_out (7.39). 288 bytes.
 * @param stat  in the form of `sys.stat`: fuse_attr, then from byte 96 btime, its nsec, stx_mask, stx_attributes and their
 *   mask. The inode number is the one in its fuse_attr: the caller has put the union's there.
 * Source: fs/fuse/dir.c fuse_do_statx(); device numbers go out as 0, the kernel uses the mount's own.
 */
export function statxOut(out: Buffer, at: number, attrValid: number, stat: Buffer): number {
  const words = wordsOf(out)
  const i = at >> 2
  words.fill(0, i, i + 72)
  putTimeout(words, i, i + 2, attrValid)
  const body = at + 32
  const rdev = stat.readUInt32LE(76)
  stat.copy(out, body, 108, 112) // mask
  stat.copy(out, body + 4, 80, 84) // blksize
  stat.copy(out, body + 8, 112, 120) // attributes
  stat.copy(out, body + 16, 64, 76) // nlink, uid, gid
  stat.copy(out, body + 28, 60, 62) // mode: the low half of the u32
  stat.copy(out, body + 32, 0, 24) // ino, size, blocks
  stat.copy(out, body + 56, 120, 128) // attributes_mask
  stat.copy(out, body + 64, 24, 32) // atime
  stat.copy(out, body + 72, 48, 52)
  stat.copy(out, body + 80, 96, 108) // btime with its nsec
  stat.copy(out, body + 96, 40, 48) // ctime
  stat.copy(out, body + 104, 56, 60)
  stat.copy(out, body + 112, 32, 40) // mtime
  stat.copy(out, body + 120, 52, 56)
  // new_encode_dev of include/linux/kdev_t.h: minor's low 8 bits, 12 bits of major, the rest of minor.
  words[(body >> 2) + 32] = (rdev >>> 8) & 0xfff
  words[(body >> 2) + 33] = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
  return 288
}
