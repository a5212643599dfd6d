/**
 * Our end of the socket to the serving process, which takes it for /dev/fuse: requests of the kernel's protocol, one at a
 * time, each until its answer. Source: linux/fuse.h.
 */
import { constants } from 'node:os'
import { readSync, writeSync } from 'node:fs'
import { IN_HEADER_SIZE, Opcode, OUT_HEADER_SIZE, ROOT_ID } from '../fuse/abi.js'

/** Bytes of data in one READ or WRITE; with its headers it must fit into a socket's buffer. */
export const DATA_MAX = 64 * 1024
/** Request or reply: data, the longest name or path, structures. */
const MESSAGE_MAX = DATA_MAX + 8192

/** The serving process has ended. */
export class Gone extends Error {}

/** A request was refused. */
export class Refusal extends Error {
  /** -errno, as fuse-native wants it. */
  readonly rc: number

  constructor(rc: number) {
    super(String(rc))
    this.rc = rc
  }
}

/** A structure of the protocol: 32-bit fields by their number. */
export function fields(size: number, values: Readonly<Record<number, number>> = {}): Buffer {
  const bytes = Buffer.alloc(size)
  for (const [index, value] of Object.entries(values)) bytes.writeUInt32LE(value >>> 0, Number(index) * 4)
  return bytes
}

/** u64 (or i64) in the two 32-bit fields from `index` on. */
export function setU64(bytes: Buffer, index: number, value: number): Buffer {
  bytes.writeBigInt64LE(BigInt(value), index * 4)
  return bytes
}

/** NUL-terminated names, one behind the other. */
export function names(...all: readonly string[]): Buffer {
  return Buffer.from(all.map((name) => `${name}\0`).join(''), 'latin1')
}

/** One conversation over a socket that keeps messages apart. */
export class Wire {
  readonly #fd: number
  readonly #uid = process.geteuid?.() ?? 0
  readonly #gid = process.getegid?.() ?? 0
  readonly #request = Buffer.alloc(MESSAGE_MAX)
  readonly #reply = Buffer.alloc(MESSAGE_MAX)
  #unique = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** A word to the one who has started us, before the first request. */
  say(text: string): void {
    writeSync(this.#fd, Buffer.from(text, 'latin1'))
  }

  /** What the kernel begins with. It offers nothing: all that INIT may agree on is beyond libfuse 2. */
  init(): void {
    this.call(Opcode.INIT, 0, fields(64, { 0: 7, 1: 23, 2: DATA_MAX }))
  }

  /**
   * One request and its answer.
   * @param body what follows fuse_in_header, in pieces
   * @returns the payload, valid until the next call
   * @throws Refusal with the answer's -errno; Gone
   */
  call(opcode: number, nodeid: number, ...body: readonly Buffer[]): Buffer {
    this.#send(opcode, nodeid, body)
    for (;;) {
      const length = this.#guard(() => readSync(this.#fd, this.#reply, 0, MESSAGE_MAX, null))
      if (length === 0) throw new Gone()
      if (length < OUT_HEADER_SIZE || this.#reply.readUInt32LE(8) !== this.#unique) continue
      const error = this.#reply.readInt32LE(4)
      if (error < 0) throw new Refusal(error)
      return this.#reply.subarray(OUT_HEADER_SIZE, length)
    }
  }

  /** The lookups that gave these nodes are no longer needed. */
  forget(nodes: readonly number[]): void {
    const counted = nodes.filter((id) => id !== ROOT_ID)
    if (counted.length === 0) return
    const body = fields(8 + 16 * counted.length, { 0: counted.length })
    counted.forEach((id, i) => setU64(setU64(body, 2 + 4 * i, id), 4 + 4 * i, 1))
    this.#send(Opcode.BATCH_FORGET, 0, [body])
  }

  /** The mount is gone: the serving process may end. */
  destroy(): void {
    this.#send(Opcode.DESTROY, 0, [])
  }

  #send(opcode: number, nodeid: number, body: readonly Buffer[]): void {
    let length = IN_HEADER_SIZE
    const request = this.#request
    for (const piece of body) {
      if (length + piece.length > MESSAGE_MAX) throw new Refusal(-constants.errno.E2BIG)
      piece.copy(request, length)
      length += piece.length
    }
    // Never 0: that would be a notification.
    this.#unique = this.#unique % 0x7fffffff + 1
    request.fill(0, 0, IN_HEADER_SIZE)
    request.writeUInt32LE(length, 0)
    request.writeUInt32LE(opcode, 4)
    request.writeUInt32LE(this.#unique, 8)
    setU64(request, 4, nodeid)
    request.writeUInt32LE(this.#uid, 24)
    request.writeUInt32LE(this.#gid, 28)
    // pid stays 0: nobody knows who asks, so nobody may do what is for root only.
    this.#guard(() => writeSync(this.#fd, request, 0, length))
  }

  #guard<T>(io: () => T): T {
    try {
      return io()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw code === 'EPIPE' || code === 'ECONNRESET' || code === 'ENOTCONN' ? new Gone() : error
    }
  }
}

/** A path or name of fuse-native, which has UTF-8 only, as the bytes of the protocol. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Bytes of the protocol as fuse-native takes them; what is no UTF-8 is not the same afterwards. */
export function textOf(bytes: Buffer): string {
  return bytes.toString('utf8')
}
