/**
 * The result of the last `sys.statx`, read in place. There is one, as there is one thread of operations: take what you
 * need before the next statx.
 */
import { sys } from './native.js'

const view = new DataView(sys.stat.buffer, sys.stat.byteOffset, sys.stat.length)

/** File types as in st_mode. */
export const S_IFMT = 0o170000
export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFCHR = 0o020000
export const S_IFBLK = 0o060000

/** stx_attributes we look at: see statx(2). */
const STATX_ATTR_IMMUTABLE = 0x10
const STATX_ATTR_APPEND = 0x20

/** Accessors over `sys.stat` (layout: `Native.stat`). */
export const st = {
  /** The first 88 bytes: a struct fuse_attr. */
  attr: sys.stat.subarray(0, 88),
  get inoLow(): number { return view.getUint32(0, true) },
  get inoHigh(): number { return view.getUint32(4, true) },
  set ino(value: number) {
    view.setUint32(0, value >>> 0, true)
    view.setUint32(4, Math.floor(value / 0x100000000), true)
  },
  get size(): number { return view.getUint32(8, true) + view.getUint32(12, true) * 0x100000000 },
  get atime(): number { return Number(view.getBigInt64(24, true)) },
  get mtime(): number { return Number(view.getBigInt64(32, true)) },
  get ctime(): number { return Number(view.getBigInt64(40, true)) },
  get atimeNsec(): number { return view.getUint32(48, true) },
  get mtimeNsec(): number { return view.getUint32(52, true) },
  get ctimeNsec(): number { return view.getUint32(56, true) },
  get mode(): number { return view.getUint32(60, true) },
  set mode(value: number) { view.setUint32(60, value, true) },
  get kind(): number { return view.getUint32(60, true) & S_IFMT },
  get nlink(): number { return view.getUint32(64, true) },
  set nlink(value: number) { view.setUint32(64, value, true) },
  get uid(): number { return view.getUint32(68, true) },
  get gid(): number { return view.getUint32(72, true) },
  get rdev(): number { return view.getUint32(76, true) },
  /** st_dev as one number, for comparing. */
  get dev(): number { return view.getUint32(88, true) * 0x100000 + view.getUint32(92, true) },
  get btime(): bigint { return view.getBigInt64(96, true) },
  get btimeNsec(): number { return view.getUint32(104, true) },
  /** STATX_* bits of what the file system really knows. */
  get mask(): number { return view.getUint32(108, true) },
  get attributes(): bigint { return view.getBigUint64(112, true) },
  get attributesMask(): bigint { return view.getBigUint64(120, true) },
  /** Immutable or append-only: nothing may be changed or unlinked (chattr(1)). */
  get frozen(): boolean { return (view.getUint32(112, true) & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) !== 0 },
}

/** A copy of what copy-up restores: mode, owner and times of the last statx. */
export interface Meta {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly rdev: number
  readonly size: number
  readonly nlink: number
  readonly atime: number
  readonly atimeNsec: number
  readonly mtime: number
  readonly mtimeNsec: number
}

/** Copy the last statx out of the shared buffer. */
export function takeMeta(): Meta {
  return {
    mode: st.mode, uid: st.uid, gid: st.gid, rdev: st.rdev, size: st.size, nlink: st.nlink,
    atime: st.atime, atimeNsec: st.atimeNsec, mtime: st.mtime, mtimeNsec: st.mtimeNsec,
  }
}
