/**
 * The result of the last `sys.statx`, read in place. There is one, as there is one thread of operations: take what you
 * need before the next statx.
 */
import { sys } from './native.js'

/** Words, not a DataView: of code that has not been compiled yet, which a new mount runs, they are a third. */
const words = new Uint32Array(sys.stat.buffer, sys.stat.byteOffset, sys.stat.length >> 2)
const seconds = new BigInt64Array(sys.stat.buffer, sys.stat.byteOffset, sys.stat.length >> 3)


/** File types as in st_mode. */
export const S_IFMT = 0o170000
export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFCHR = 0o020000
export const S_IFBLK = 0o060000
export const S_IFIFO = 0o010000

/** stx_attributes we look at: see statx(2). */
const STATX_ATTR_IMMUTABLE = 0x10
const STATX_ATTR_APPEND = 0x20

/** Accessors over `sys.stat` (layout: `Native.stat`). */
export const st = {
  /** The first 88 bytes: a struct fuse_attr. */
  attr: sys.stat.subarray(0, 88),
  get inoLow(): number { return words[0]! },
  get inoHigh(): number { return words[1]! },
  set ino(value: number) {
    words[0] = value
    words[1] = value / 0x100000000
  },
  get size(): number { return words[2]! + words[3]! * 0x100000000 },
  /** Of 512 bytes. */
  get blocks(): number { return words[4]! + words[5]! * 0x100000000 },
  get atime(): number { return Number(seconds[3]!) },
  get mtime(): number { return Number(seconds[4]!) },
  get ctime(): number { return Number(seconds[5]!) },
  get atimeNsec(): number { return words[12]! },
  get mtimeNsec(): number { return words[13]! },
  get ctimeNsec(): number { return words[14]! },
  get mode(): number { return words[15]! },
  set mode(value: number) { words[15] = value },
  get kind(): number { return words[15]! & S_IFMT },
  get nlink(): number { return words[16]! },
  set nlink(value: number) { words[16] = value },
  get uid(): number { return words[17]! },
  set uid(value: number) { words[17] = value },
  get gid(): number { return words[18]! },
  set gid(value: number) { words[18] = value },
  get rdev(): number { return words[19]! },
  /** st_dev as one number, for comparing. */
  get dev(): number { return words[22]! * 0x100000 + words[23]! },
  get btime(): bigint { return seconds[12]! },
  get btimeNsec(): number { return words[26]! },
  /** STATX_* bits of what the file system really knows. */
  get mask(): number { return words[27]! },
  get attributes(): bigint { return BigInt.asUintN(64, seconds[14]!) },
  get attributesMask(): bigint { return BigInt.asUintN(64, seconds[15]!) },
  get mntId(): number { return words[32]! + words[33]! * 0x100000000 },
  /** Immutable or append-only: nothing may be changed or unlinked (chattr(1)). */
  get frozen(): boolean { return (words[28]! & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) !== 0 },
}

/** A copy of what copy-up restores: mode, owner and times of the last statx. */
export interface Meta {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly rdev: number
  readonly size: number
  readonly nlink: number
  /** Inode number on its file system, in halves. */
  readonly inoLow: number
  readonly inoHigh: number
  readonly atime: number
  readonly atimeNsec: number
  readonly mtime: number
  readonly mtimeNsec: number
}

/** Copy the last statx out of the shared buffer. */
export function takeMeta(): Meta {
  return {
    mode: st.mode, uid: st.uid, gid: st.gid, rdev: st.rdev, size: st.size, nlink: st.nlink,
    inoLow: st.inoLow, inoHigh: st.inoHigh,
    atime: st.atime, atimeNsec: st.atimeNsec, mtime: st.mtime, mtimeNsec: st.mtimeNsec,
  }
}
