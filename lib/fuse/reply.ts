/**
 * Writers of replies: each puts one structure into a preallocated buffer and answers its size in bytes, which is what an
 * operation returns. `out` is `Request.out`, `at` mostly HEADER. Numbers come as plain arguments: a reply makes no garbage.
 */
const ATTR_SIZE = 88
const ENTRY_SIZE = 128

/** Longest timeout we write: for ever in every kernel's arithmetic, and exact in a double. */
const FOREVER_SECONDS = Number.MAX_SAFE_INTEGER

/** The DataView over a buffer, made once as long as the same buffer is asked for: replies all go through one. */
function viewCache(): (buffer: Buffer) => DataView {
  let last: Buffer | null = null
  let view: DataView = new DataView(new ArrayBuffer(0))
  return (buffer) => {
    if (buffer !== last) {
      last = buffer
      view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    }
    return view
  }
}

const viewOf = viewCache()
const attrViewOf = viewCache()

/** Copy a struct fuse_attr. As numbers: Buffer.copy costs three times as much for so few bytes. */
function putAttr(view: DataView, at: number, attrBytes: Buffer): void {
  const attr = attrViewOf(attrBytes)
  for (let i = 0; i < ATTR_SIZE; i += 4) view.setUint32(at + i, attr.getUint32(i, true), true)
}

/** A whole number 0 .. 2^53 as u64. */
export function putU64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / 4294967296)
  view.setUint32(at, value - high * 4294967296, true)
  view.setUint32(at + 4, high, true)
}

/** Seconds of a timeout, whole and nanoseconds, at two places; Infinity and absurd values become for ever. */
function putTimeout(view: DataView, at: number, atNsec: number, seconds: number): void {
  if (seconds === 0) {
    putU64(view, at, 0)
    view.setUint32(atNsec, 0, true)
    return
  }
  const whole = seconds < FOREVER_SECONDS ? Math.floor(seconds) : FOREVER_SECONDS
  putU64(view, at, whole)
  view.setUint32(atNsec, seconds < FOREVER_SECONDS ? Math.floor((seconds - whole) * 1e9) : 0, true)
}

/**
 * fuse_out_header, at offset 0.
 * @param length  of the whole reply in bytes, header included.
 * @param error   0 or -errno (or a NotifyCode when unique is 0).
 * @param uniqueLo,uniqueHi  the request's `unique`, echoed as it came (bit 63 marks a request sent again).
 */
export function writeHeader(view: DataView, length: number, error: number, uniqueLo: number, uniqueHi: number): void {
  view.setUint32(0, length, true)
  view.setInt32(4, error, true)
  view.setUint32(8, uniqueLo, true)
  view.setUint32(12, uniqueHi, true)
}

/**
 * fuse_entry_out: a name's node. 128 bytes.
 * @param nodeid      0 says "no such name" and lets the kernel keep that for entryValid.
 * @param entryValid  seconds the name may be cached; fractions count, Infinity is for ever.
 * @param attrValid   seconds the attributes may be cached.
 * @param attrBytes   a struct fuse_attr in its first 88 bytes (`sys.stat` has that form).
 */
export function entryOut(
  out: Buffer, at: number, nodeid: number, generation: number, entryValid: number, attrValid: number, attrBytes: Buffer,
): number {
  const view = viewOf(out)
  putU64(view, at, nodeid)
  putU64(view, at + 8, generation)
  putTimeout(view, at + 16, at + 32, entryValid)
  putTimeout(view, at + 24, at + 36, attrValid)
  putAttr(view, at + 40, attrBytes)
  return ENTRY_SIZE
}

/** fuse_entry_out for a name that is not there: the kernel keeps the miss for entryValid seconds. 128 bytes. */
export function missingEntryOut(out: Buffer, at: number, entryValid: number): number {
  out.fill(0, at, at + ENTRY_SIZE)
  putTimeout(viewOf(out), at + 16, at + 32, entryValid)
  return ENTRY_SIZE
}

/** fuse_attr_out. 104 bytes. Arguments as of entryOut. */
export function attrOut(out: Buffer, at: number, attrValid: number, attrBytes: Buffer): number {
  const view = viewOf(out)
  putTimeout(view, at, at + 8, attrValid)
  view.setUint32(at + 12, 0, true)
  putAttr(view, at + 16, attrBytes)
  return 16 + ATTR_SIZE
}

/** fuse_open_out. 16 bytes. `flags` is a set of Fopen; `backingId` is read with Fopen.PASSTHROUGH only, else 0. */
export function openOut(out: Buffer, at: number, fh: number, flags: number, backingId: number): number {
  const view = viewOf(out)
  putU64(view, at, fh)
  view.setUint32(at + 8, flags, true)
  view.setInt32(at + 12, backingId, true)
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
  const view = viewOf(out)
  view.setUint32(at, size, true)
  view.setUint32(at + 4, 0, true)
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
  putU64(viewOf(out), at, offset)
  return 8
}

/** fuse_ioctl_out; `result` is what ioctl(2) answers, the bytes for the caller follow. 16 bytes. */
export function ioctlOut(out: Buffer, at: number, result: number): number {
  const view = viewOf(out)
  view.setInt32(at, result, true)
  view.setUint32(at + 4, 0, true)
  view.setUint32(at + 8, 0, true)
  view.setUint32(at + 12, 0, true)
  return 16
}

/**
 * fuse_statx_out (7.39). 288 bytes.
 * @param stat  in the form of `sys.stat`: fuse_attr, then from byte 96 btime, its nsec, stx_mask, stx_attributes and their
 *   mask. The inode number is the one in its fuse_attr: the caller has put the union's there.
 * Source: fs/fuse/dir.c fuse_do_statx(); device numbers go out as 0, the kernel uses the mount's own.
 */
export function statxOut(out: Buffer, at: number, attrValid: number, stat: Buffer): number {
  const view = viewOf(out)
  out.fill(0, at, at + 288)
  putTimeout(view, at, at + 8, attrValid)
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
  view.setUint32(body + 128, (rdev >>> 8) & 0xfff, true)
  view.setUint32(body + 132, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00), true)
  return 288
}
