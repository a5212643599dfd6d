/**
 * Names in requests: where they end, and which of them must be names of directory entries.
 */
import { Opcode } from './abi.js'

const DOT = 0x2e
const SLASH = 0x2f

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
 * Offset of the NUL that ends the name at `from`; -1 if there is none before `to`, or if it is to be an `entry` and is none:
 * empty, `.`, `..` or with a `/`. The kernel sends no such thing, and nobody after this door may have to think of it.
 */
export function endOfName(bytes: Buffer, from: number, to: number, entry: boolean): number {
  let dots = 0
  // Names are short: a loop costs less than a call of indexOf.
  for (let i = from; i < to; i++) {
    const byte = bytes[i]
    if (byte === 0) return entry && i - from === dots && dots < 3 ? -1 : i
    if (byte === SLASH && entry) return -1
    if (byte === DOT) dots++
  }
  return -1
}
