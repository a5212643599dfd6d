/**
 * One line per request and per reply, for DEBUG=tsaufs:fuse:
 *
 *   rx 18: RENAME2 n1 u0 {newdir=1 flags=0} "a" "b"
 *   tx 18: OK 0 bytes
 *   tx 20: ENOENT
 *
 * Everything comes from the tables of structs.ts and abi.ts. Called only while somebody listens. Bytes of files are never
 * shown, names are.
 */
import { getSystemErrorName } from 'node:util'
import {
  Fattr, Fopen, GetattrFlag, InitFlag, IN_HEADER_SIZE, Opcode, OpenFlag, OUT_HEADER_SIZE, ReleaseFlag, WriteFlag,
} from './abi.js'
import { printBits, printStruct, type FieldBits, type Struct } from './struct.js'
import * as S from './structs.js'

const opcodeNames = new Map<number, string>(Object.entries(Opcode).map(([name, opcode]) => [opcode, name]))

/** Fields that are sets of bits, by structure. */
const bitFields: Readonly<Record<string, FieldBits>> = {
  setattr_in: { valid: Fattr },
  getattr_in: { getattr_flags: GetattrFlag },
  open_in: { open_flags: OpenFlag },
  create_in: { open_flags: OpenFlag },
  open_out: { open_flags: Fopen },
  write_in: { write_flags: WriteFlag },
  release_in: { release_flags: ReleaseFlag },
}

/** Structures a successful reply is made of, one after the other. */
const replies = new Map<number, readonly Struct<unknown>[]>([
  [Opcode.LOOKUP, [S.EntryOut]],
  [Opcode.SYMLINK, [S.EntryOut]],
  [Opcode.MKNOD, [S.EntryOut]],
  [Opcode.MKDIR, [S.EntryOut]],
  [Opcode.LINK, [S.EntryOut]],
  [Opcode.GETATTR, [S.AttrOut]],
  [Opcode.SETATTR, [S.AttrOut]],
  [Opcode.OPEN, [S.OpenOut]],
  [Opcode.OPENDIR, [S.OpenOut]],
  [Opcode.CREATE, [S.EntryOut, S.OpenOut]],
  [Opcode.TMPFILE, [S.EntryOut, S.OpenOut]],
  [Opcode.WRITE, [S.WriteOut]],
  [Opcode.COPY_FILE_RANGE, [S.WriteOut]],
  [Opcode.COPY_FILE_RANGE_64, [S.LseekOut]],
  [Opcode.STATFS, [S.StatfsOut]],
  [Opcode.LSEEK, [S.LseekOut]],
  [Opcode.STATX, [S.StatxOut]],
  [Opcode.IOCTL, [S.IoctlOut]],
  [Opcode.POLL, [S.PollOut]],
  [Opcode.BMAP, [S.BmapOut]],
  [Opcode.GETLK, [S.LkOut]],
  [Opcode.INIT, [S.InitOut]],
])

function unique(words: Uint32Array): number {
  return words[2]! + words[3]! * 4294967296
}

function show(struct: Struct<unknown>, words: Uint32Array, at: number): string {
  const value = struct.decode(words, at)
  if (struct === S.InitIn || struct === S.InitOut) return `{${printStruct(struct, value)}}: ${initFlags(value as InitValue)}`
  return `{${printStruct(struct, value, bitFields[struct.name])}}`
}

type InitValue = S.InOf<typeof S.InitIn>

function initFlags({ flags, flags2 }: InitValue): string {
  return printBits(flags + flags2 * 2 ** 32, InitFlag)
}

/**
 * @param struct      the fixed part as it is on this wire, null if there is none or the opcode is unknown.
 * @param payloadEnd  of the request; the header is complete.
 */
export function printRequest(
  opcode: number, struct: Struct<unknown> | null, names: number, words: Uint32Array, bytes: Buffer, payloadEnd: number,
): string {
  const known = opcode === Opcode.INIT ? S.InitIn : opcode === Opcode.INTERRUPT ? S.InterruptIn : struct
  const nodeid = words[4]! + words[5]! * 4294967296
  const name = opcodeNames.get(opcode) ?? `opcode ${opcode}`
  const parts = [`rx ${unique(words)}: ${name} n${nodeid} u${words[6]}`]
  let at = IN_HEADER_SIZE
  if (known !== null) {
    if (at + known.size > payloadEnd) return `${parts[0]} cut short: ${payloadEnd} bytes`
    parts.push(show(known, words, at))
    at += known.size
  }
  for (let i = 0; i < names; i++) {
    const end = bytes.subarray(0, payloadEnd).indexOf(0, at)
    if (end < 0) return `${parts.join(' ')} without NUL`
    parts.push(JSON.stringify(bytes.toString('utf8', at, end)))
    at = end + 1
  }
  if (at < payloadEnd) parts.push(`+${payloadEnd - at} bytes`)
  return parts.join(' ')
}

/** @param words  of the reply, `length` bytes with the header. */
export function printReply(opcode: number, words: Uint32Array, length: number): string {
  const error = words[1]! | 0
  const head = `tx ${unique(words)}:`
  if (error !== 0) return `${head} ${getSystemErrorName(error)}`
  const parts = [head, 'OK', `${length - OUT_HEADER_SIZE} bytes`]
  let at = OUT_HEADER_SIZE
  for (const struct of replies.get(opcode) ?? []) {
    if (at + struct.size > length) break
    parts.push(show(struct, words, at))
    at += struct.size
  }
  return parts.join(' ')
}
