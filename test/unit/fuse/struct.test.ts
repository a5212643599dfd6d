import t from 'tap'
import { defineStruct, printBits, printStruct, type Struct } from '../../../lib/fuse/struct.js'
import * as structs from '../../../lib/fuse/structs.js'
import { encodeStruct } from '../../helpers/fake-kernel.js'
import { wordsOver } from '../../../lib/fuse/words.js'

const all = Object.values(structs) as readonly Struct<unknown>[]

t.test('each field type', async (t) => {
  const struct = defineStruct(
    'all',
    [
      ['a', 'u16'],
      ['gap', 'pad2'],
      ['b', 'u32'],
      ['c', 'i32'],
      ['gap', 'pad4'],
      ['d', 'u64'],
      ['e', 'i64'],
    ],
    32,
  )
  const words = new Uint32Array(10).fill(0xffffffff)
  t.same(
    { ...struct.decode(words, 8) },
    { a: 65535, b: 4294967295, c: -1, d: 2 ** 64, e: -1 },
    'u64 beyond 2^53: the nearest double',
  )
  const bytes = encodeStruct(struct, { a: 1, b: 2, c: -3, d: 2 ** 53 - 1, e: -(2 ** 53) + 1 })
  t.same(
    { ...struct.decode(wordsOver(bytes), 0) },
    { a: 1, b: 2, c: -3, d: 2 ** 53 - 1, e: -(2 ** 53) + 1 },
  )
  t.same(
    struct.fields.map(([, , offset]) => offset),
    [0, 2, 4, 8, 12, 16, 24],
  )
})

t.test('wrong tables do not load', async (t) => {
  t.throws(() => defineStruct('x', [['a', 'u32']], 8), { message: 'fuse_x: 4 bytes declared, the kernel has 8' })
  t.throws(
    () =>
      defineStruct(
        'x',
        [
          ['a', 'u32'],
          ['b', 'u64'],
        ],
        12,
      ),
    /fuse_x.b is not aligned/,
  )
  t.throws(() => defineStruct('x', [['a: alert(1)', 'u32']], 4), /bad field name/)
})

t.test('every structure decodes what was encoded', async (t) => {
  for (const struct of all) {
    const values: Record<string, number> = {}
    for (const [i, [field, type]] of struct.fields.entries()) if (!type.startsWith('pad')) values[field] = i + 1
    const bytes = encodeStruct(struct, values as object)
    const decoded = { ...(struct.decode(wordsOver(bytes), 0) as object) }
    t.same(decoded, struct === structs.SetxattrInShort ? { ...values, setxattr_flags: 0 } : values, struct.name)
  }
})

t.test("sizes are the compiler's", async (t) => {
  const native = await import('../../../lib/os/native.js').catch((error: Error) => error)
  if (native instanceof Error) return t.comment(`not compared: ${native.message}`)
  const { sizes } = native.sys
  let compared = 0
  for (const struct of all) {
    if (struct === structs.SetxattrInShort || struct === structs.InitInShort) continue
    const size = sizes[struct.name]
    if (size === undefined) continue
    t.equal(struct.size, size, `sizeof(struct fuse_${struct.name})`)
    compared++
  }
  t.ok(compared > 30, `${compared} structures compared`)
})

t.test('print', async (t) => {
  t.equal(printBits(0, { A: 1 }), '0')
  t.equal(printBits(5, { A: 1, B: 2 }), 'A|0x4')
  t.equal(printBits(2 ** 42 + 1, { A: 1, B: 2 ** 42 }), 'A|B')
  const value = structs.Rename2In.decode(wordsOver(encodeStruct(structs.Rename2In, { newdir: 5, flags: 3 })), 0)
  t.equal(printStruct(structs.Rename2In, value), 'newdir=5 flags=3')
  t.equal(
    printStruct(structs.Rename2In, value, { flags: { NOREPLACE: 1, EXCHANGE: 2 } }),
    'newdir=5 flags=NOREPLACE|EXCHANGE',
  )
})
