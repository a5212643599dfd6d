/**
 * The shape of an operation: how its request looks on the wire and what it does. One per file in `lib/ops/`.
 * This is the seam: the protocol side calls `run` and knows no file, the union side never sees a byte of the wire.
 */
import type { Struct } from './struct.js'

/** What an operation sees of the request it answers. One object, filled anew for every request. */
export interface Request {
  opcode: number
  /** Node the request is about (the parent directory for operations with a name). */
  nodeid: number
  uid: number
  gid: number
  pid: number
  /** The whole request as it came, for handing on to the data plane; `length` bytes are valid. */
  bytes: Buffer
  /** `bytes` as 32-bit words, for what follows the fixed structure. */
  words: Uint32Array
  length: number
  /** First byte after the fixed structure: the names, a value or the data. */
  payload: number
  /** First byte after the payload: `length`, or where the extensions (supplementary groups, security contexts) begin. */
  payloadEnd: number
  /** ENOSPC or EDQUOT if the data plane has tried the request and found no space; else 0. */
  full: number
  /** How often it has. */
  attempts: number
  /** Where the reply's payload is written, from offset `HEADER` (16). Sized max_write + 4096. */
  out: Buffer
  /** `out` as 32-bit words. */
  outWords: Uint32Array
}

/** The kernel's own number of a request (`unique`): no two that it waits for have the same. */
export function numberOf({ words }: Request): number {
  return words[2]! + words[3]! * 0x100000000
}

/** `run` answered nothing by intention (FORGET, or the addon has taken the request and answers itself). */
export const NO_REPLY = -0x7fffffff

/** Hand the request to the data plane: the file it needs is in its table now. */
export const SERVE = -0x7ffffffe

/** Offset in `out` where a reply's payload begins: after fuse_out_header. */
export const HEADER = 16

/**
 * One row: opcode, request layout, meaning.
 *
 * `run` answers the number of payload bytes written to `req.out` from HEADER on (0 for an empty reply), or `-errno`, or
 * NO_REPLY, or SERVE. It may throw Errno. It may throw `Wait` (util/wait.ts) before it has changed anything: the request
 * is then run again from its beginning once the promise is settled.
 */
export interface OpRow<Union, In> {
  readonly opcode: number
  readonly name: string
  /** Fixed part of the request after fuse_in_header, or null. */
  readonly in: Struct<In> | null
  /** How many NUL-terminated names follow the fixed part: 0, 1 or 2. A missing NUL is EINVAL. */
  readonly names: 0 | 1 | 2
  run(union: Union, req: Request, arg: In, name: string, name2: string): number
}

/** Identity with types: lets the struct decide the type of `arg`. */
export function defineOp<Union, In>(row: OpRow<Union, In>): OpRow<Union, In> {
  return row
}
