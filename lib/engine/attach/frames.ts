/**
 * Frames of a monitor's socket, both ways: `type u8, three zero bytes, length u32 big-endian, data`. docker's stream format with
 * more types.
 */

/** From the monitor. */
export const FROM = {
  STDOUT: 1,
  STDERR: 2,
  /** exit.json; nothing comes after it. */
  EXIT: 3,
} as const

/** To the monitor. */
export const TO = {
  STDIN: 0,
  STDIN_END: 4,
  /** Rows and columns, u16 big-endian each. */
  RESIZE: 5,
  /** One byte. */
  SIGNAL: 6,
  /** We take away what is left when it has ended; the monitor runs no exit command. */
  CLEANS_UP: 7,
} as const

const HEAD = 8
/** No monitor sends more in one frame. */
const LENGTH_MAX = 16 << 20

/** A frame as bytes. */
export function encodeFrame(type: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD)
  head[0] = type
  head.writeUInt32BE(data.length, 4)
  return Buffer.concat([head, data])
}

/** Cuts a stream into frames. */
export class FrameReader {
  #parts: Buffer[] = []
  #length = 0
  readonly #onFrame: (type: number, data: Buffer) => void

  constructor(onFrame: (type: number, data: Buffer) => void) {
    this.#onFrame = onFrame
  }

  /** The next bytes of the stream. @throws Error when they are no frames */
  push(part: Buffer): void {
    this.#parts.push(part)
    this.#length += part.length
    if (this.#length < HEAD) return
    let bytes = this.#parts.length === 1 ? part : Buffer.concat(this.#parts)
    while (bytes.length >= HEAD) {
      const length = bytes.readUInt32BE(4)
      if (length > LENGTH_MAX) throw new Error('EPROTO: the monitor speaks another language')
      if (bytes.length < HEAD + length) break
      this.#onFrame(bytes[0]!, bytes.subarray(HEAD, HEAD + length))
      bytes = bytes.subarray(HEAD + length)
    }
    this.#parts = bytes.length === 0 ? [] : [bytes]
    this.#length = bytes.length
  }
}
