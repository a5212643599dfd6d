/**
 * The kernel's side of the protocol, made of memory: a Transport for sessions under test, a builder of requests and a
 * reader of replies. Needs neither /dev/fuse nor the addon.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants } from 'node:os'
import { InitFlag, IN_HEADER_SIZE, Opcode, OUT_HEADER_SIZE } from '../../lib/fuse/abi.js'
import type { Struct } from '../../lib/fuse/struct.js'
import { InitIn } from '../../lib/fuse/structs.js'
import type { Transport } from '../../lib/fuse/transport.js'

/** A reply as the kernel sees it. `error` is 0 or -errno. */
export interface Reply {
  readonly unique: bigint
  readonly error: number
  readonly payload: Buffer
  /** All of it, header included. */
  readonly bytes: Buffer
}

/** @throws Error if the header does not fit the bytes, as the kernel would refuse it. */
export function parseReply(bytes: Buffer): Reply {
  if (bytes.length < OUT_HEADER_SIZE) throw new Error(`reply of ${bytes.length} bytes`)
  const error = bytes.readInt32LE(4)
  const unique = bytes.readBigUInt64LE(8)
  if (bytes.readUInt32LE(0) !== bytes.length)
    throw new Error(`reply says ${bytes.readUInt32LE(0)} bytes, has ${bytes.length}`)
  if (unique !== 0n && (error <= -512 || error > 0)) throw new Error(`reply with error ${error}`)
  if (error < 0 && bytes.length !== OUT_HEADER_SIZE) throw new Error('an error with a payload')
  return { unique, error, payload: bytes.subarray(OUT_HEADER_SIZE), bytes }
}

/**
 * Requests are posted, taken by the session's turns, and their replies collected. With nothing posted a turn answers 0,
 * after `unmount` -ENODEV.
 */
export class FakeKernel implements Transport {
  readonly request: Buffer
  readonly reply: Buffer
  /** Everything the session has written and nobody has `ask`ed for, in order. */
  readonly replies: Reply[] = []
  /** Requests given to the data plane. */
  readonly served: Buffer[] = []
  /** What the data plane answers: 0, or -errno. */
  serveResult = 0
  /** What a write answers. */
  writeResult = 0
  /** What was sent by `notify`. */
  readonly notifications: Buffer[] = []
  /** Answers that the next turns give instead of a request. */
  readonly turnResults: number[] = []
  readonly #queue: Buffer[] = []
  readonly #asked = new Map<bigint, (reply: Reply) => void>()
  #unmounted = false

  constructor(maxWrite = 65536) {
    this.request = Buffer.alloc(maxWrite + 4096)
    this.reply = Buffer.alloc(maxWrite + 4096)
  }

  turn(replyLength: number): number {
    if (replyLength > 0) this.#take(this.reply, replyLength)
    // What a session keeps of the last request without copying it shall be seen to change.
    this.request.fill(0xa5, 0, 256)
    const result = this.turnResults.shift()
    if (result !== undefined) return result
    const next = this.#queue.shift()
    if (next !== undefined) {
      next.copy(this.request)
      return next.length
    }
    return this.#unmounted ? -constants.errno.ENODEV : 0
  }

  notify(messages: Buffer, done: (rc: number) => void): number {
    if (this.#unmounted) return -constants.errno.ENODEV
    this.notifications.push(messages)
    setImmediate(done, this.writeResult)
    return 0
  }

  write(message: Buffer, length: number): number {
    if (this.writeResult === 0) this.#take(message, length)
    return this.writeResult
  }

  serve(message: Buffer, length: number): number {
    this.served.push(Buffer.from(message.subarray(0, length)))
    return this.serveResult
  }

  /** Put a request where the next turn finds it. */
  post(request: Buffer): void {
    this.#queue.push(request)
  }

  /** Post a request and wait for its reply. */
  ask(request: Buffer): Promise<Reply> {
    return new Promise((resolve) => {
      this.#asked.set(request.readBigUInt64LE(8), resolve)
      this.post(request)
    })
  }

  /** Requests posted and not taken yet. */
  get pending(): number {
    return this.#queue.length
  }

  /** End the session once all that was posted is taken. */
  unmount(): void {
    this.#unmounted = true
  }

  #take(message: Buffer, length: number): void {
    const reply = parseReply(Buffer.from(message.subarray(0, length)))
    const resolve = this.#asked.get(reply.unique)
    if (resolve === undefined) {
      this.replies.push(reply)
    } else {
      this.#asked.delete(reply.unique)
      resolve(reply)
    }
  }
}

/** Write `values` (missing ones are 0) in the structure's layout. */
export function encodeStruct<T>(struct: Struct<T>, values: Partial<T>): Buffer {
  const bytes = Buffer.alloc(struct.size)
  const numbers = values as Readonly<Record<string, number>> // every structure is made of numbers
  for (const [field, type, offset] of struct.fields) {
    const value = numbers[field] ?? 0
    if (type === 'u16') bytes.writeUInt16LE(value, offset)
    else if (type === 'u32') bytes.writeUInt32LE(value, offset)
    else if (type === 'i32') bytes.writeInt32LE(value, offset)
    else if (type === 'u64') bytes.writeBigUInt64LE(BigInt(value), offset)
    else if (type === 'i64') bytes.writeBigInt64LE(BigInt(value), offset)
  }
  return bytes
}

export interface RequestParts {
  readonly nodeid?: number
  readonly unique?: number | bigint
  readonly uid?: number
  readonly gid?: number
  readonly pid?: number
  /** The fixed part: made with `encodeStruct`. */
  readonly fixed?: Buffer
  /** latin1, each written with its NUL. */
  readonly names?: readonly string[]
  readonly data?: Buffer
  /** Extensions; a multiple of 8 bytes. */
  readonly extensions?: Buffer
}

let lastUnique = 0

/** A request as the kernel would send it, with a `unique` of its own unless one is given. */
export function buildRequest(opcode: number, parts: RequestParts = {}): Buffer {
  lastUnique += 2
  const extensions = parts.extensions ?? Buffer.alloc(0)
  const header = Buffer.alloc(IN_HEADER_SIZE)
  header.writeUInt32LE(opcode, 4)
  header.writeBigUInt64LE(BigInt(parts.unique ?? lastUnique), 8)
  header.writeBigUInt64LE(BigInt(parts.nodeid ?? 1), 16)
  header.writeUInt32LE(parts.uid ?? 0, 24)
  header.writeUInt32LE(parts.gid ?? 0, 28)
  header.writeUInt32LE(parts.pid ?? 1, 32)
  header.writeUInt16LE(extensions.length / 8, 36)
  const names = (parts.names ?? []).map((name) => Buffer.from(`${name}\0`, 'latin1'))
  const request = Buffer.concat([
    header,
    parts.fixed ?? Buffer.alloc(0),
    ...names,
    parts.data ?? Buffer.alloc(0),
    extensions,
  ])
  request.writeUInt32LE(request.length, 0)
  return request
}

/** What Linux 6.18 offers, see the fixture init.hex. */
export const OFFERED = 0x73fffffb + 0x5fd * 2 ** 32

/** INIT of a kernel that speaks `minor` and offers the InitFlags in `offered`. */
export function buildInit(offered: number = OFFERED, minor = 45): Buffer {
  const flags = offered % 2 ** 32
  const flags2 = Math.floor(offered / 2 ** 32)
  const short = Math.floor(flags / InitFlag.INIT_EXT) % 2 === 0
  const fixed = encodeStruct(InitIn, { major: 7, minor, max_readahead: 131072, flags, flags2 })
  return buildRequest(Opcode.INIT, { nodeid: 0, fixed: short ? fixed.subarray(0, 16) : fixed })
}

/** Absolute path of fixtures/wire, wherever this file was compiled to. */
export function fixturesDir(): string {
  let root = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(root, 'package.json'))) root = dirname(root)
  return join(root, 'fixtures', 'wire')
}

/** The bytes of fixtures/wire/NAME.hex: hex digits; `#` begins a comment. */
export function wireFixture(name: string): Buffer {
  const text = readFileSync(join(fixturesDir(), `${name}.hex`), 'utf8')
  return Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex')
}
