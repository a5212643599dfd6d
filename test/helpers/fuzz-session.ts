/**
 * Hostile requests for any session: built whole, then mostly damaged. Whatever comes, every request that the kernel would
 * wait for gets exactly one reply the kernel would take, and nothing is thrown.
 *
 *   const result = await fuzzSession((transport) => new Session({ transport, rows, union, ... }), { seed: 1, count: 20000 })
 */
import { Opcode } from '../../lib/fuse/abi.js'
import type { OpRow, Request } from '../../lib/fuse/define-op.js'
import type { Struct } from '../../lib/fuse/struct.js'
import * as S from '../../lib/fuse/structs.js'
import type { Transport } from '../../lib/fuse/transport.js'
import { buildInit, buildRequest, encodeStruct, FakeKernel } from './fake-kernel.js'

/** What `fuzzSession` needs of a session. */
export interface FuzzTarget {
  run(): Promise<void>
  readonly inFlight: number
}

export interface FuzzOptions {
  /** The same seed gives the same requests. */
  readonly seed: number
  readonly count: number
  /** Nodes the requests are about; damaged ones may name any. Default 0..9. */
  readonly nodeids?: readonly number[]
  /** Names to choose from, latin1. */
  readonly names?: readonly string[]
  /** Opcodes to leave whole requests out of (what would harm the machine or take long); by number. */
  readonly without?: readonly number[]
  /** Is no reply a right answer to this opcode? By default only to FORGET and the like. */
  readonly maySkip?: (opcode: number) => boolean
}

export interface FuzzResult {
  /** How often each errno was the answer; 0 is success. */
  readonly answers: ReadonlyMap<number, number>
  /** Requests handed to the data plane. */
  readonly served: number
  /** Requests that got no reply, rightly. */
  readonly unanswered: number
}

interface Shape {
  readonly opcode: number
  readonly name: string
  readonly in: Struct<unknown> | null
  readonly names: 0 | 1 | 2
  readonly data?: boolean
}

function shape(name: keyof typeof Opcode, struct: Struct<unknown> | null, names: 0 | 1 | 2, data = false): Shape {
  return { opcode: Opcode[name], name, in: struct, names, data }
}

/** Every request of the protocol that a file system may have a row for. */
export const shapes: readonly Shape[] = [
  shape('LOOKUP', null, 1),
  shape('FORGET', S.ForgetIn, 0),
  shape('GETATTR', S.GetattrIn, 0),
  shape('SETATTR', S.SetattrIn, 0),
  shape('READLINK', null, 0),
  shape('SYMLINK', null, 2),
  shape('MKNOD', S.MknodIn, 1),
  shape('MKDIR', S.MkdirIn, 1),
  shape('UNLINK', null, 1),
  shape('RMDIR', null, 1),
  shape('RENAME', S.RenameIn, 2),
  shape('LINK', S.LinkIn, 1),
  shape('OPEN', S.OpenIn, 0),
  shape('READ', S.ReadIn, 0),
  shape('WRITE', S.WriteIn, 0, true),
  shape('STATFS', null, 0),
  shape('RELEASE', S.ReleaseIn, 0),
  shape('FSYNC', S.FsyncIn, 0),
  shape('SETXATTR', S.SetxattrIn, 1, true),
  shape('GETXATTR', S.GetxattrIn, 1),
  shape('LISTXATTR', S.GetxattrIn, 0),
  shape('REMOVEXATTR', null, 1),
  shape('FLUSH', S.FlushIn, 0),
  shape('OPENDIR', S.OpenIn, 0),
  shape('READDIR', S.ReadIn, 0),
  shape('RELEASEDIR', S.ReleaseIn, 0),
  shape('FSYNCDIR', S.FsyncIn, 0),
  shape('GETLK', S.LkIn, 0),
  shape('SETLK', S.LkIn, 0),
  shape('SETLKW', S.LkIn, 0),
  shape('ACCESS', S.AccessIn, 0),
  shape('CREATE', S.CreateIn, 1),
  shape('BMAP', S.BmapIn, 0),
  shape('IOCTL', S.IoctlIn, 0, true),
  shape('POLL', S.PollIn, 0),
  shape('BATCH_FORGET', S.BatchForgetIn, 0, true),
  shape('FALLOCATE', S.FallocateIn, 0),
  shape('READDIRPLUS', S.ReadIn, 0),
  shape('RENAME2', S.Rename2In, 2),
  shape('LSEEK', S.LseekIn, 0),
  shape('COPY_FILE_RANGE', S.CopyFileRangeIn, 0),
  shape('SYNCFS', S.SyncfsIn, 0),
  shape('TMPFILE', S.CreateIn, 1),
  shape('STATX', S.StatxIn, 0),
  shape('COPY_FILE_RANGE_64', S.CopyFileRangeIn, 0),
]

/** A row for every shape, all with the same meaning. */
export function rowsOf(run: (req: Request, arg: unknown, name: string, name2: string) => number): OpRow<null, unknown>[] {
  return shapes.map(({ opcode, name, in: struct, names }) => ({
    opcode,
    name,
    in: struct,
    names,
    run: (_union, req, arg, first, second) => run(req, arg, first, second),
  }))
}

/** Rows that answer success with nothing. */
export const echoRows = rowsOf(() => 0)

/** Numbers 0 <= n < 2^32 from a seed (mulberry32, public domain). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return (x ^ (x >>> 14)) >>> 0
  }
}

const NAMES = [
  'a',
  'b',
  'c',
  'dir',
  'a',
  'b',
  'c',
  'dir',
  '',
  '.',
  '..',
  'a/b',
  '/',
  '.wh.a',
  '.wh..wh..opq',
  '.wh..wh.plnk',
  '\xff\xfe',
  'x'.repeat(255),
  'y'.repeat(256),
  'z'.repeat(5000),
  'user.k',
  'trusted.overlay.opaque',
  'security.capability',
  'system.posix_acl_access',
]

const NUMBERS = [
  0, 0, 0, 1, 1, 2, 3, 7, 8, 0o644, 0o40755, 0o100644, 0o120777, 0o60000, 255, 4096, 65535, 0x7fffffff, 0x80000000,
  0xffffffff,
]
const WIDE = [...NUMBERS, 2 ** 32, 2 ** 40, 2 ** 53, 2 ** 63 - 1024, 2 ** 64 - 2048]

/** Makes requests, one after the other. */
class Mutator {
  readonly #next: () => number
  readonly #nodeids: readonly number[]
  readonly #names: readonly string[]
  readonly #shapes: readonly Shape[]

  constructor(options: FuzzOptions) {
    this.#next = random(options.seed)
    this.#nodeids = options.nodeids ?? [0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    this.#names = options.names ?? NAMES
    this.#shapes = shapes.filter(({ opcode }) => options.without?.includes(opcode) !== true)
  }

  #below(end: number): number {
    return this.#next() % end
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T // the index is in range
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#below(256)))
  }

  /** A request with nothing wrong in its form. */
  #whole(): Buffer {
    const { opcode, in: struct, names, data } = this.#pick(this.#shapes)
    const values: Record<string, number> = {}
    for (const [field, type] of struct?.fields ?? []) {
      const value = this.#pick(type === 'u64' || type === 'i64' ? WIDE : NUMBERS)
      values[field] =
        type === 'u16' ? value & 0xffff : type === 'i32' ? value | 0 : type === 'i64' ? Math.min(value, 2 ** 62) : value
    }
    for (const field of ['newdir', 'oldnodeid', 'nodeid_out']) if (field in values) values[field] = this.#pick(this.#nodeids)
    const payload = data === true ? this.#bytes(this.#below(64)) : Buffer.alloc(0)
    if ('size' in values && opcode === Opcode.SETXATTR && this.#below(4) > 0) values['size'] = payload.length
    return buildRequest(opcode, {
      nodeid: this.#pick(this.#nodeids),
      uid: this.#pick([0, 1000]),
      gid: this.#pick([0, 1000]),
      ...(struct === null ? {} : { fixed: encodeStruct(struct, values as object) }),
      names: Array.from({ length: names }, () => this.#pick(this.#names)),
      data: payload,
      extensions: this.#below(8) === 0 ? this.#bytes(8 * this.#below(5)) : Buffer.alloc(0),
    })
  }

  /** Damage of one kind. */
  #damaged(request: Buffer): Buffer {
    const length = request.length
    switch (this.#below(8)) {
      case 0:
        for (let i = this.#below(8); i >= 0; i--) {
          const at = this.#below(length)
          request[at] = (request[at] ?? 0) ^ (1 << this.#below(8))
        }
        return request
      case 1:
        return Buffer.from(request.subarray(0, 1 + this.#below(length)))
      case 2:
        return Buffer.concat([request, this.#bytes(1 + this.#below(100))])
      case 3:
        request.writeUInt16LE(this.#pick([1, 2, 5, 100, 0x7fff, 0xffff]), 36)
        return request
      case 4:
        request.writeUInt32LE(this.#pick([0, 7, 19, 26, 36, 41, 48, 49, 54, 63, 64, 4096, 0xffffffff, this.#next()]), 4)
        return request
      case 5:
        return Buffer.concat([request.subarray(0, 40), this.#bytes(this.#below(300))])
      case 6:
        for (let i = 40; i < length; i++) if (request[i] === 0) request[i] = 1
        return request
      default:
        request.writeBigUInt64LE((BigInt(this.#next()) << 32n) | BigInt(this.#next()), 16)
        return request
    }
  }

  /** The next request; `unique` is what a reply must echo. */
  make(unique: bigint): Buffer {
    const whole = this.#whole()
    const request = this.#below(5) < 2 ? whole : this.#damaged(whole)
    // DESTROY would end the session, which is right and of no interest here.
    if (request.length >= 8 && request.readUInt32LE(4) === Opcode.DESTROY) request.writeUInt32LE(Opcode.LOOKUP, 4)
    if (request.length >= 16) request.writeBigUInt64LE(this.#below(200) === 0 ? 0n : unique, 8)
    if (request.length >= 4 && this.#below(10) > 0) request.writeUInt32LE(request.length, 0)
    return request
  }
}

/** Opcodes that have no reply by definition. */
const SILENT: readonly number[] = [Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT, Opcode.NOTIFY_REPLY]

/** Hand the same requests to `make`'s session as any run with that seed. */
async function drive(kernel: FakeKernel, make: (transport: Transport) => FuzzTarget | Promise<FuzzTarget>): Promise<void> {
  const session = await make(kernel)
  const done = session.run()
  let ended = false
  done.then(
    () => {
      ended = true
    },
    () => {
      ended = true
    },
  )
  let idleMs = Date.now()
  let last = -1
  while (!ended && (kernel.pending > 0 || session.inFlight > 0)) {
    const left = kernel.pending + session.inFlight
    if (left !== last) idleMs = Date.now()
    else if (Date.now() - idleMs > 30_000)
      throw new Error(`nothing moves for 30 s: ${kernel.pending} posted, ${session.inFlight} in flight`)
    last = left
    await new Promise(setImmediate)
  }
  kernel.unmount()
  await done
}

/**
 * Run `count` requests through the session that `make` builds over the transport it is given.
 * @throws Error with the seed, the request's number and its bytes if a reply is missing, doubled, malformed or nobody's.
 */
export async function fuzzSession(
  make: (transport: Transport) => FuzzTarget | Promise<FuzzTarget>,
  options: FuzzOptions,
): Promise<FuzzResult> {
  const kernel = new FakeKernel()
  const mutator = new Mutator(options)
  kernel.post(buildInit())
  const requests: Buffer[] = []
  for (let i = 0; i < options.count; i++) {
    const resent = i % 100 === 99 ? 1n << 63n : 0n
    const request = mutator.make(BigInt(i + 1) * 2n + 1_000_000n + resent)
    requests.push(request)
    kernel.post(Buffer.from(request))
  }
  await drive(kernel, make)

  const answers = new Map<number, number>()
  const replied = new Map<bigint, number>()
  for (const { unique, error } of kernel.replies.slice(1)) {
    replied.set(unique, (replied.get(unique) ?? 0) + 1)
    answers.set(-error, (answers.get(-error) ?? 0) + 1)
  }
  for (const served of kernel.served)
    replied.set(served.readBigUInt64LE(8), (replied.get(served.readBigUInt64LE(8)) ?? 0) + 1)
  let unanswered = 0
  for (const [i, request] of requests.entries()) {
    const unique = request.length < 16 ? 0n : request.readBigUInt64LE(8)
    const opcode = request.length < 8 ? 0 : request.readUInt32LE(4)
    const count = replied.get(unique) ?? 0
    replied.delete(unique)
    if (count === 0) unanswered++
    const none = unique === 0n || SILENT.includes(opcode)
    const right = none ? count === 0 : count === 1 || (count === 0 && options.maySkip?.(opcode) === true)
    if (!right) throw new Error(`seed ${options.seed}, request ${i}: ${count} replies to ${request.toString('hex')}`)
  }
  if (replied.size > 0) throw new Error(`seed ${options.seed}: replies to nobody: ${[...replied.keys()].join(' ')}`)
  return { answers, served: kernel.served.length, unanswered }
}
