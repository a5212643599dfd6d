/** Room on a file system. */
import { sys } from './native.js'

/** struct fuse_kstatfs at the front of `sys.fsstat`, in words: blocks, bfree, bavail (u64 each) ...; frsize. */
const words = new Uint32Array(sys.fsstat.buffer, sys.fsstat.byteOffset, sys.fsstat.length >> 2)
const BLOCKS = 0
const BFREE = 2
const BAVAIL = 4
const FRSIZE = 12

/** Bytes: all there are, those in use, and those that ordinary users may still take. */
export interface FsSpace {
  readonly totalBytes: number
  readonly usedBytes: number
  readonly freeBytes: number
}

const u64 = (at: number): number => words[at]! + words[at + 1]! * 0x100000000

/** Room on the file system of an open file or directory. @returns -errno of statfs(2) when it cannot be asked */
export function spaceOf(fd: number): FsSpace | number {
  const rc = sys.statfs(fd)
  if (rc < 0) return rc
  const unit = words[FRSIZE]!
  const total = u64(BLOCKS)
  return { totalBytes: total * unit, usedBytes: (total - u64(BFREE)) * unit, freeBytes: u64(BAVAIL) * unit }
}
