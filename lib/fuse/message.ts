/** A request as bytes and words. */
import { Opcode } from './abi.js'
import { wordsOver } from './words.js'

/** A request as it came. */
export interface Message {
  readonly bytes: Buffer
  readonly words: Uint32Array
  /** The errno with which it came back from the data plane; 0 for one from the kernel. */
  readonly full: number
}

/** A copy of the first `length` bytes of a request, to be kept. */
export function copyOf(message: Buffer, length: number, full: number): Message {
  // Whole words, and not of the pool, where only parts of a word may be ours.
  const bytes = Buffer.alloc((length + 3) & ~3)
  message.copy(bytes, 0, 0, length)
  return { bytes, words: wordsOver(bytes), full }
}

/** Does the kernel wait for an answer? One with unique 0, which no kernel sends, it would take for a notification. */
export function wantsReply(request: Uint32Array): boolean {
  switch (request[1]) {
    case Opcode.FORGET:
    case Opcode.BATCH_FORGET:
    case Opcode.INTERRUPT:
    case Opcode.NOTIFY_REPLY:
      return false
    default:
      return request[2] !== 0 || request[3] !== 0
  }
}
