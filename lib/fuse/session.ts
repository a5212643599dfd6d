/**
 * The loop between the kernel and the operations: take a request, find its row, run it, put the reply where the next turn
 * writes it. INIT, DESTROY and INTERRUPT are answered here. The one `catch` of the serving process is here too: whatever
 * an operation throws becomes a reply, because a request without one freezes its caller for ever.
 *
 * Requests run one at a time, from beginning to end, on this thread. The exception is `Wait`: such a request is copied,
 * put aside, and run anew when its promise is settled. That happens while `run` awaits (marked `// await:`), when no reply
 * is pending in the transport's buffer; so one reply buffer and one Request object do for all.
 */
import { constants } from 'node:os'
import { Wait } from '../util/wait.js'
import { IN_HEADER_SIZE, Opcode, OPCODE_END } from './abi.js'
import { HEADER, NO_REPLY, SERVE, type OpRow, type Request } from './define-op.js'
import { copyOf, wantsReply, type Message } from './message.js'
import { entryNames, isEntryName, readName } from './names.js'
import { negotiate, wireForm, type InitOptions, type Negotiated } from './negotiate.js'
import { printReply, printRequest } from './print.js'
import { writeHeader } from './reply.js'
import type { Struct } from './struct.js'
import type { Transport } from './transport.js'
import { wordsOver } from './words.js'

const { EINVAL, EIO, ENODEV, ENOENT, ENOSYS, EPROTO, ECONNABORTED } = constants.errno

/** Requests after which the event loop gets its turn even if more are waiting: timers, sockets and promises live there. */
const REQUESTS_PER_YIELD = 256

/** How often one request may ask to wait. An operation that always does is broken; it is told so with EIO. */
const WAITS_MAX = 10_000

/** Failing turns in a row after which the device counts as broken. */
const FAILURES_MAX = 100

/** The kernel takes a reply's error only if it is below this (fs/fuse/dev.c, fuse_dev_do_write). */
const ERRNO_END = 512

export interface SessionOptions<U> {
  readonly transport: Transport
  /** One per opcode; INIT, DESTROY and INTERRUPT are the session's own. */
  readonly rows: readonly OpRow<U, unknown>[]
  readonly union: U
  readonly init: InitOptions
  /** Called after every request, before its reply goes out. */
  readonly afterRequest?: () => void
  /**
   * An operation failed with `errno` and has not waited before: a promise to run it once more when that is fulfilled, or
   * null to answer. For failures that requests already queued may cure.
   */
  readonly retryAfter?: (errno: number) => Promise<void> | null
  /** Something threw what is neither Errno nor Wait, or the protocol was broken; then `row` is undefined. */
  readonly onError: (error: unknown, row: OpRow<U, unknown> | undefined) => void
  /** INIT is agreed; the reply has not gone out yet. */
  readonly onInit?: (negotiated: Negotiated) => void
  /** Gets a line for every request and every reply. */
  readonly trace?: ((line: string) => void) | undefined
}

/** A row with the form its structure has on this connection. */
interface Slot<U> {
  readonly row: OpRow<U, unknown>
  /** How many of the names, from the first on, are entries of a directory. */
  readonly entries: number
  struct: Struct<unknown> | null
}

/** One more attempt, in the padding of fuse_in_header (the high half of its tenth word), where the kernel writes zero. */
const ATTEMPT = 0x10000

/** A request put aside by `Wait`. */
interface Parked extends Message {
  readonly length: number
  readonly waits: number
}

export class Session<U> {
  /** Requests by opcode that came to JavaScript; index 0 counts those with an unknown opcode. */
  readonly counts = new Float64Array(OPCODE_END)
  /** Called before every request; throws nothing. May be set and taken back at any time. */
  beforeRequest: (() => void) | undefined

  readonly #options: SessionOptions<U>
  readonly #transport: Transport
  readonly #incoming: Message
  readonly #slots: (Slot<U> | undefined)[] = new Array<undefined>(OPCODE_END).fill(undefined)
  readonly #request: Request
  readonly #payloadMax: number
  readonly #parked = new Set<Parked>()
  #negotiated: Negotiated | undefined
  /** Set by DESTROY or a refused INIT: no further turn. */
  #ended = false
  #failure: Error | undefined

  /** @throws Error if two rows have the same opcode, or one has an opcode that is not for rows. */
  constructor(options: SessionOptions<U>) {
    this.#options = options
    this.#transport = options.transport
    const { request, reply } = options.transport
    this.#incoming = { bytes: request, words: wordsOver(request), full: 0 }
    this.#payloadMax = reply.length - HEADER
    for (const row of options.rows) {
      const { opcode } = row
      if (!(opcode > 0 && opcode < OPCODE_END)) throw new Error(`${row.name}: no opcode has the number ${opcode}`)
      const own = opcode === Opcode.INIT || opcode === Opcode.DESTROY || opcode === Opcode.INTERRUPT
      if (own || this.#slots[opcode] !== undefined) {
        throw new Error(`${row.name}: opcode ${opcode} is taken`)
      }
      this.#slots[opcode] = { row, entries: Math.min(row.names, entryNames(opcode)), struct: wireForm(row.in, 0) }
    }
    this.#request = {
      opcode: 0, nodeid: 0, uid: 0, gid: 0, pid: 0,
      bytes: request, words: this.#incoming.words, length: 0, payload: 0, payloadEnd: 0,
      full: 0, attempts: 0,
      out: reply, outWords: wordsOver(reply),
    }
  }

  /** What INIT agreed on; undefined before. */
  get negotiated(): Negotiated | undefined {
    return this.#negotiated
  }

  /** Requests put aside by `Wait` and not answered yet. */
  get inFlight(): number {
    return this.#parked.size
  }

  /** The request in hand; its opcode is 0 while there is none. */
  get request(): Readonly<Request> {
    return this.#request
  }

  /**
   * Serve until the file system is unmounted.
   * @throws Error if the kernel cannot give what `init.require` asks for, or the device fails for good. Nothing that a
   *   request does ends this.
   */
  async run(): Promise<void> {
    const transport = this.#transport
    let replyLength = 0
    let failures = 0
    let sinceYield = 0
    for (;;) {
      const length = transport.turn(replyLength)
      replyLength = 0
      if (length > 0) {
        failures = 0
        replyLength = this.#handle(this.#incoming, length, 0)
        if (this.#ended) break
        if (++sinceYield < REQUESTS_PER_YIELD) continue
        this.#send(replyLength)
        replyLength = 0
      } else if (length === -ENODEV || length === -ECONNABORTED) {
        this.#ended = true
        break
      } else if (length < 0) {
        this.#report(new Error(`/dev/fuse: turn failed with ${length}`), undefined)
        if (++failures === FAILURES_MAX) throw new Error(`/dev/fuse fails: ${length}`)
      }
      sinceYield = 0
      // await: parked requests run here and may change anything but the loop's own variables.
      await new Promise(setImmediate)
    }
    this.#send(replyLength)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** A data request found no space (Transport.handBack): run its row again, which may make some. */
  full(bytes: Buffer, errno: number): void {
    if (this.#ended) return
    const message = copyOf(bytes, bytes.length, errno)
    message.words[9]! += ATTEMPT
    this.#send(this.#handle(message, bytes.length, 0))
  }

  /**
   * One request from its header to the reply in `transport.reply`.
   * @param waits  how often this request has waited already.
   * @returns the reply's length in bytes, 0 if there is none. Never throws.
   */
  #handle(message: Message, length: number, waits: number): number {
    if (length < HEADER) {
      this.#report(new Error(`a request of ${length} bytes has no identity: dropped`), undefined)
      return 0
    }
    const { words } = message
    const opcode = words[1]!
    const slot = opcode < OPCODE_END ? this.#slots[opcode] : undefined
    let result: number
    try {
      this.beforeRequest?.()
      result = this.#run(message, length, opcode, slot)
    } catch (error) {
      result = this.#caught(error, slot, message, length, waits)
    }
    if (result === SERVE) result = this.#serve(message, length)
    const replyLength = this.#reply(result, opcode, slot, words)
    try {
      this.#options.afterRequest?.()
    } catch (error) {
      this.#report(error, slot?.row)
    }
    this.#request.opcode = 0
    return replyLength
  }

  /** Check the request's form, fill `Request`, run the row. Answers what a row answers; throws what it throws. */
  #run({ bytes, words, full }: Message, length: number, opcode: number, slot: Slot<U> | undefined): number {
    const index = opcode < OPCODE_END ? opcode : 0
    this.counts[index] = (this.counts[index] ?? 0) + 1
    if (length < IN_HEADER_SIZE || words[0] !== length) return -EINVAL
    const payloadEnd = length - 8 * (words[9]! & 0xffff)
    if (payloadEnd < IN_HEADER_SIZE) return -EINVAL
    if (this.#options.trace !== undefined) {
      this.#trace(() => printRequest(opcode, slot?.struct ?? null, slot?.row.names ?? 0, words, bytes, payloadEnd))
    }
    if (slot === undefined) return this.#own(opcode, words, payloadEnd)

    const { row, struct, entries } = slot
    const payload = struct === null ? IN_HEADER_SIZE : IN_HEADER_SIZE + struct.size
    if (payload > payloadEnd) return -EINVAL
    let name: string | null = ''
    let name2: string | null = ''
    if (row.names > 0) {
      name = readName(bytes, payload, payloadEnd)
      if (name === null || (entries > 0 && !isEntryName(name))) return -EINVAL
      if (row.names > 1) {
        name2 = readName(bytes, payload + name.length + 1, payloadEnd)
        if (name2 === null || (entries > 1 && !isEntryName(name2))) return -EINVAL
      }
    }
    const request = this.#request
    request.opcode = opcode
    request.nodeid = words[4]! + words[5]! * 4294967296
    request.uid = words[6]!
    request.gid = words[7]!
    request.pid = words[8]!
    request.bytes = bytes
    request.words = words
    request.length = length
    request.payload = payload
    request.payloadEnd = payloadEnd
    request.full = full
    request.attempts = full === 0 ? 0 : words[9]! >>> 16
    const arg = struct === null ? undefined : struct.decode(words, IN_HEADER_SIZE)
    return row.run(this.#options.union, request, arg, name, name2)
  }

  /** The opcodes that have no row. */
  #own(opcode: number, words: Uint32Array, payloadEnd: number): number {
    switch (opcode) {
      case Opcode.INIT:
        return this.#init(words, payloadEnd)
      case Opcode.DESTROY:
        this.#ended = true
        return 0
      case Opcode.INTERRUPT:
        // Not obeyed, on purpose. The kernel sends it for any signal, also for those a program handles and goes on after
        // (timers, Go's preemption): EINTR from a truncate or an unlink would surprise more than the wait.
        return NO_REPLY
      default:
        return -ENOSYS
    }
  }

  #init(words: Uint32Array, payloadEnd: number): number {
    if (this.#negotiated !== undefined || payloadEnd < IN_HEADER_SIZE + 16) return -EINVAL
    const result = negotiate(words, payloadEnd, this.#options.init, this.#request.outWords, HEADER)
    if (result.kind === 'again') return 64
    if (result.kind === 'refused') {
      this.#failure = new Error(result.reason)
      this.#ended = true
      return -EPROTO
    }
    this.#negotiated = result.negotiated
    for (const slot of this.#slots) {
      if (slot !== undefined) slot.struct = wireForm(slot.row.in, result.negotiated.flags)
    }
    this.#options.onInit?.(result.negotiated)
    return 64
  }

  /** What an operation threw, as its result. */
  #caught(error: unknown, slot: Slot<U> | undefined, message: Message, length: number, waits: number): number {
    try {
      if (error instanceof Wait) {
        if (waits < WAITS_MAX) return this.#park(error, slot, message, length, waits)
        this.#report(new Error(`${slot?.row.name} waits without end`), slot?.row)
        return -EIO
      }
      const errno = errnoOf(error)
      if (errno !== 0) {
        const cure = waits === 0 ? this.#options.retryAfter?.(errno) ?? null : null
        return cure === null ? -errno : this.#park(new Wait(cure), slot, message, length, waits)
      }
    } catch (worse) {
      // A thrown object whose properties throw when read: the second error tells more than nothing.
      this.#report(worse, slot?.row)
    }
    this.#report(error, slot?.row)
    return -EIO
  }

  /** Keep the request until `wait` is settled. */
  #park(wait: Wait, slot: Slot<U> | undefined, message: Message, length: number, waits: number): number {
    const mine = message === this.#incoming ? copyOf(message.bytes, length, 0) : message
    const parked: Parked = { ...mine, length, waits: waits + 1 }
    this.#parked.add(parked)
    const rerun = (): number => this.#handle(parked, length, parked.waits)
    const refuse = (reason: unknown): number => {
      const errno = errnoOf(reason)
      if (errno === 0) this.#report(reason, slot?.row)
      return this.#reply(errno === 0 ? -EIO : -errno, parked.words[1]!, slot, parked.words)
    }
    const settle = (answer: () => number): void => {
      this.#parked.delete(parked)
      if (!this.#ended) this.#send(answer())
    }
    Promise.resolve(wait.done)
      .then(() => settle(rerun), (reason: unknown) => settle(() => refuse(reason)))
      .catch((error: unknown) => this.#report(error, slot?.row))
    return NO_REPLY
  }

  /** Hand the request to the data plane, unless it is one that must have no reply. */
  #serve({ bytes, words }: Message, length: number): number {
    if (!wantsReply(words)) return NO_REPLY
    const served = this.#transport.serve(bytes, length)
    return served < 0 ? served : NO_REPLY
  }

  /** Complete the reply in the buffer: header before the payload. Answers its length, 0 if nothing is to be sent. */
  #reply(result: number, opcode: number, slot: Slot<U> | undefined, request: Uint32Array): number {
    if (result === NO_REPLY || !wantsReply(request)) return 0
    let error = 0
    let length = HEADER
    if (result !== (result | 0) || result > this.#payloadMax || result <= -ERRNO_END) {
      this.#report(new Error(`${slot?.row.name ?? 'the data plane'} answered ${result}`), slot?.row)
      error = -EIO
    } else if (result < 0) {
      error = result
    } else {
      length += result
    }
    writeHeader(this.#request.outWords, length, error, request[2]!, request[3]!)
    if (this.#options.trace !== undefined) this.#trace(() => printReply(opcode, this.#request.outWords, length))
    return length
  }

  /** Write the first `length` bytes of the reply buffer now. */
  #send(length: number): void {
    if (length === 0) return
    const rc = this.#transport.write(this.#transport.reply, length)
    if (rc < 0 && rc !== -ENOENT && rc !== -ENODEV) this.#report(new Error(`/dev/fuse: write failed with ${rc}`), undefined)
  }

  /** A line for who listens; what goes wrong with that is no reason to fail a request. */
  #trace(line: () => string): void {
    try {
      this.#options.trace?.(line())
    } catch (error) {
      this.#report(error, undefined)
    }
  }

  #report(error: unknown, row: OpRow<U, unknown> | undefined): void {
    try {
      this.#options.onError(error, row)
    } catch {
      // The log itself fails. There is nobody left to tell, and the request still wants its answer.
    }
  }
}

/** The errno an error carries (lib/os/errno.ts Errno), 0 if it has none that a reply can hold. */
function errnoOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return 0
  const { errno } = error
  return typeof errno === 'number' && Number.isInteger(errno) && errno > 0 && errno < ERRNO_END ? errno : 0
}
