/**
 * Names in requests, and which of them must be names of directory entries.
 */
import type { Bytes } from '../os/native.js'
import { Opcode } from './abi.js'
import { readBytes } from './words.js'

/**
 * How many of a request's names, from the first on, are entries of a directory. The others are names of xattrs and the
 * target of a symbolic link; TMPFILE's is always `/`.
 */
export function entryNames(opcode: number): 0 | 1 | 2 {
  switch (opcode) {
    case Opcode.RENAME:
    case Opcode.RENAME2:
      return 2
    case Opcode.LOOKUP:
    case Opcode.SYMLINK:
    case Opcode.MKNOD:
    case Opcode.MKDIR:
    case Opcode.UNLINK:
    case Opcode.RMDIR:
    case Opcode.LINK:
    case Opcode.CREATE:
      return 1
    default:
      return 0
  }
}

/**
 * Can it be the name of an entry: not empty, `.`, `..` or with a `/`? The kernel sends no such thing, and nobody after this
 * door may have to think of it.
 */
export function isEntryName(name: Bytes): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/')
}

/** The NUL-terminated name at `from`, which ends before `to`; null if there is none. */
export function readName(bytes: Buffer, from: number, to: number): Bytes | null {
  if (from >= to) return null
  // Mostly it is the last thing in the message.
  if (bytes[to - 1] === 0) {
    const name = readBytes(bytes, from, to - 1)
    const end = name.indexOf('\0')
    return end < 0 ? name : readBytes(bytes, from, from + end)
  }
  const end = bytes.subarray(0, to).indexOf(0, from)
  return end < 0 ? null : readBytes(bytes, from, end)
}
