/**
 * Structures of the wire: declared once as a table in the kernel header's order, compiled at load into a decoder.
 */

/** Field types of the protocol, all little-endian here (the host's order; asserted at start). `pad*` is skipped. */
export type FieldType = 'u16' | 'u32' | 'i32' | 'u64' | 'i64' | 'pad2' | 'pad4'

/**
 * A compiled structure. 64-bit fields decode to `number`; a value above 2^53 decodes to the nearest double, so range
 * checks (EINVAL, EFBIG) still work on it.
 */
export interface Struct<T> {
  /** The C name without `fuse_`. */
  readonly name: string
  /** Bytes on the wire. */
  readonly size: number
  /** Name, type and offset of each field; padding included. */
  readonly fields: readonly (readonly [string, FieldType, number])[]
  /**
   * A new object with every field that is not padding. The caller has checked that `size` bytes are there.
   * @param offset in bytes, a multiple of 4
   */
  decode(words: Uint32Array, offset: number): T
}

/** One line of a table: the C name and the type. */
export type Field = readonly [name: string, type: FieldType]

/** The object a table decodes to. */
export type Decoded<F extends readonly Field[]> = {
  [Row in F[number] as Row[1] extends 'pad2' | 'pad4' ? never : Row[0]]: number
}

const SIZES: Readonly<Record<FieldType, number>> = { u16: 2, u32: 4, i32: 4, u64: 8, i64: 8, pad2: 2, pad4: 4 }

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) {
  throw new Error('FUSE speaks the byte order of the host, and only the little-endian one is written here')
}

/** The expression that reads one field of the structure whose first word is `i`. */
function reader(type: FieldType, at: number): string {
  const word = `w[i + ${at >> 2}]`
  const next = `w[i + ${(at >> 2) + 1}]`
  switch (type) {
    case 'u16':
      return at % 4 === 0 ? `${word} & 0xffff` : `${word} >>> 16`
    case 'i32':
      return `${word} | 0`
    case 'u64':
      return `${next} * 4294967296 + ${word}`
    case 'i64':
      return `(${next} | 0) * 4294967296 + ${word}`
    default:
      return word
  }
}

/**
 * Compile a table. The decoder is made from source text, so that V8 sees one object literal: as fast as by hand.
 * @param name          the C name without `fuse_`.
 * @param fields        in the header's order, padding included.
 * @param expectedSize  what the kernel's sizeof says, in bytes.
 * @throws Error at load if the size or a field's alignment is wrong: a lost padding does not get as far as a mount.
 */
export function defineStruct<const F extends readonly Field[]>(
  name: string, fields: F, expectedSize: number,
): Struct<Decoded<F>> {
  let size = 0
  const placed: [string, FieldType, number][] = []
  const parts: string[] = []
  for (const [field, type] of fields) {
    if (!/^[a-z][a-z0-9_]*$/.test(field)) throw new Error(`fuse_${name}: bad field name ${field}`)
    if (type !== 'pad2' && type !== 'pad4') {
      if (size % SIZES[type] !== 0) throw new Error(`fuse_${name}.${field} is not aligned: offset ${size}`)
      parts.push(`${field}: ${reader(type, size)}`)
    }
    placed.push([field, type, size])
    size += SIZES[type]
  }
  if (size !== expectedSize) throw new Error(`fuse_${name}: ${size} bytes declared, the kernel has ${expectedSize}`)
  // The text comes from the table above only, whose names are checked: nothing foreign is compiled.
  const decode = new Function('w', 'o', `const i = o >> 2; return { ${parts.join(', ')} }`) as (
    words: Uint32Array, offset: number,
  ) => Decoded<F>
  return { name, size, fields: placed, decode }
}

/** Names of bits, and for which fields they hold. */
export type BitNames = Readonly<Record<string, number>>
export type FieldBits = Readonly<Record<string, BitNames>>

/**
 * `name=value` for every field, in the table's order.
 * @param names  for the fields that are sets of bits.
 */
export function printStruct<T>(struct: Struct<T>, value: T, names: FieldBits = {}): string {
  const values = value as Readonly<Record<string, number>> // every decoder answers numbers by field name
  const parts: string[] = []
  for (const [field, type] of struct.fields) {
    if (type === 'pad2' || type === 'pad4') continue
    const number = values[field] ?? 0
    const bits = names[field]
    parts.push(`${field}=${bits === undefined ? number : printBits(number, bits)}`)
  }
  return parts.join(' ')
}

/** `5` with `{ A: 1, B: 2 }` is `A|0x4`; nothing set is `0`. Works on sets of up to 53 bits. */
export function printBits(set: number, names: BitNames): string {
  const parts: string[] = []
  let rest = set
  for (const [name, bit] of Object.entries(names)) {
    if (Math.floor(set / bit) % 2 === 1) {
      parts.push(name)
      rest -= bit
    }
  }
  if (rest !== 0 || parts.length === 0) parts.push(rest === 0 ? '0' : `0x${rest.toString(16)}`)
  return parts.join('|')
}
