/**
 * Messages as 32-bit words and names as strings, by the cheapest means. Not by DataView and Buffer's documented methods: in
 * code that V8 has not compiled yet, which is what a new mount runs, they take three to five times as long.
 */
import type { Bytes } from '../os/native.js'

/** Every structure of the protocol begins at a multiple of 8, and every field is aligned. @throws RangeError if `bytes` is not */
export function wordsOver(bytes: Buffer): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
}

/** What Buffer.toString and Buffer.write do for 'latin1' when they have looked at their arguments. */
interface Latin1 {
  latin1Slice(from: number, to: number): string
  latin1Write(text: string, at: number, length: number): number
}

/** The bytes `from` .. `to` as a name: one char each. */
export function readBytes(bytes: Buffer, from: number, to: number): Bytes {
  return (bytes as Buffer & Latin1).latin1Slice(from, to)
}

/** Put a name at an offset; it must fit. */
export function writeBytes(bytes: Buffer, name: Bytes, at: number): void {
  (bytes as Buffer & Latin1).latin1Write(name, at, name.length)
}
