/** The plan's bytes: what native/init/plan.h reads. Numbers of operations and bits are those of that file. */

export const Op = {
  NAMESPACES: 1,
  ID_MAPS: 2,
  CGROUP_PROCS: 3,
  IO: 4,
  CONDUCT: 5,
  EXIT_COMMAND: 6,
  OOM_FILE: 7,
  TARGET: 8,
  TIME_OFFSETS: 9,
  RAISE_LIMIT: 10,

  GO: 32,
  UNSHARE: 33,
  PROPAGATION: 34,
  SOURCE: 35,
  ROOT: 36,
  BECOME_ROOT: 37,
  MOUNT: 38,
  ATTRIBUTES: 39,
  DEVICE: 40,
  SYMLINK: 41,
  MKDIR: 42,
  CONSOLE: 43,
  MASK: 44,
  READONLY_PATH: 45,
  PIVOT: 46,
  HOSTNAME: 47,
  DOMAINNAME: 48,
  SYSCTL: 49,
  KEYRING: 50,
  LIMIT: 51,
  USER: 52,
  BOUNDING: 53,
  IDENTITY: 54,
  NO_NEW_PRIVS: 55,
  SECCOMP: 56,
  REAPER: 57,
  SESSION: 58,
  CWD: 59,
  EXEC: 60,
  LOOPBACK: 61,
} as const

const MAGIC = 0x50415354
const VERSION = 1
const FIRST_STEP = 32
/** As native/init/plan.h bounds it. */
const BYTES_MAX = 16 << 20

/** One field of a record. A text is bytes as latin1, as everywhere in the engine. */
export type Field = { u32: number } | { u64: bigint } | { text: string } | { bytes: Uint8Array }

export const u32 = (value: number): Field => ({ u32: value })
export const u64 = (value: bigint | number): Field => ({ u64: BigInt(value) })
export const text = (value: string): Field => ({ text: value })

/** A list of strings: how many, then each. */
export function texts(list: readonly string[]): Field[] {
  return [u32(list.length), ...list.map(text)]
}

/** One setting or step of a plan. */
export interface PlanRecord {
  op: number
  fields: Field[]
}

/** Make a record: `record(Op.HOSTNAME, text('box'))`. */
export function record(op: number, ...fields: Field[]): PlanRecord {
  return { op, fields }
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

function encodeField(field: Field): Buffer {
  if ('u32' in field) return number32(field.u32)
  if ('u64' in field) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt.asUintN(64, field.u64))
    return bytes
  }
  if ('bytes' in field) return Buffer.concat([number32(field.bytes.length), field.bytes])
  // NUL would cut the string where C reads it, and make it another one than was checked.
  if (field.text.includes('\0')) throw new PlanError(`a text holds a NUL byte: ${JSON.stringify(field.text.slice(0, 80))}`)
  if (/[^\0-\xff]/.test(field.text)) throw new PlanError(`a text is no string of bytes: ${JSON.stringify(field.text.slice(0, 80))}`)
  const bytes = Buffer.from(field.text, 'latin1')
  return Buffer.concat([number32(bytes.length), bytes, Buffer.of(0)])
}

/** Something in a configuration cannot be planned. `message` is for people. */
export class PlanError extends Error {}

/**
 * Encode records; settings are put before steps, each in the order given.
 * @throws PlanError when a string holds NUL or all of it is more than 16 MiB.
 */
export function encodePlan(records: readonly PlanRecord[]): Buffer {
  const ordered = [...records.filter(({ op }) => op < FIRST_STEP), ...records.filter(({ op }) => op >= FIRST_STEP)]
  const bodies = ordered.map(({ op, fields }) => {
    const body = Buffer.concat(fields.map(encodeField))
    return Buffer.concat([number32(op), number32(body.length), body])
  })
  const body = Buffer.concat(bodies)
  const size = body.length + 16
  if (size > BYTES_MAX) throw new PlanError(`the plan has ${size} bytes, more than ${BYTES_MAX}`)
  return Buffer.concat([number32(MAGIC), number32(VERSION), number32(size), number32(ordered.length), body])
}
