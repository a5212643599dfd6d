import t from 'tap'
import * as reply from '../../../lib/fuse/reply.js'
import type { Struct } from '../../../lib/fuse/struct.js'
import * as S from '../../../lib/fuse/structs.js'
import { encodeStruct } from '../../helpers/fake-kernel.js'
import { wordsOver } from '../../../lib/fuse/words.js'

const attrs = {
  ino: 2 ** 40 + 5,
  size: 2 ** 52,
  blocks: 8,
  atime: -1,
  mtime: 2,
  ctime: 3,
  atimensec: 4,
  mtimensec: 5,
  ctimensec: 6,
  mode: 0o100644,
  nlink: 7,
  uid: 1000,
  gid: 1001,
  rdev: 0,
  blksize: 4096,
  flags: 0,
}
const attr = encodeStruct(S.Attr, attrs)
const AT = 24

/** What `written` needs of a tap test. */
interface Check {
  equal(got: unknown, expected: unknown): boolean
}

/** Write into a buffer full of rubbish; check the size and that nothing beside was touched; decode. */
function written<T>(t: Check, struct: Struct<T>, write: (out: Buffer, at: number) => number): T {
  const out = Buffer.alloc(512, 0xee)
  const size = write(out, AT)
  t.equal(size, struct.size)
  t.equal(
    out.subarray(0, AT).every((byte) => byte === 0xee),
    true,
  )
  t.equal(
    out.subarray(AT + size).every((byte) => byte === 0xee),
    true,
  )
  // Padding is zero: encoding what was decoded gives the same bytes.
  const decoded = struct.decode(wordsOver(out), AT)
  t.equal(encodeStruct(struct, decoded).toString('hex'), out.toString('hex', AT, AT + size))
  return { ...decoded }
}

t.test('header', async (t) => {
  const words = new Uint32Array(4)
  reply.writeHeader(words, 16, -2, 0xfffffffe, 0x80000000)
  t.same({ ...S.OutHeader.decode(words, 0) }, { len: 16, error: -2, unique: 2 ** 63 + 2 ** 32 })
  t.same([...words], [16, 0xfffffffe, 0xfffffffe, 0x80000000])
})

t.test('entry', async (t) => {
  const entry = written(t, S.EntryOut, (out, at) => reply.entryOut(out, at, 2 ** 53 - 1, 3, 1.25, Infinity, attr))
  t.same(entry, {
    nodeid: 2 ** 53 - 1,
    generation: 3,
    entry_valid: 1,
    entry_valid_nsec: 250000000,
    attr_valid: 2 ** 53 - 1,
    attr_valid_nsec: 0,
    ...attrs,
  })
  const zero = written(t, S.EntryOut, (out, at) => reply.entryOut(out, at, 1, 0, 0, 0, attr))
  t.match(zero, { entry_valid: 0, entry_valid_nsec: 0, attr_valid: 0, attr_valid_nsec: 0 })
  const missing = written(t, S.EntryOut, (out, at) => reply.missingEntryOut(out, at, 2.5))
  t.match(missing, { nodeid: 0, entry_valid: 2, entry_valid_nsec: 5e8, attr_valid: 0, ino: 0, mode: 0 })
})

t.test('attr', async (t) => {
  t.same(
    written(t, S.AttrOut, (out, at) => reply.attrOut(out, at, 0.5, attr)),
    { attr_valid: 0, attr_valid_nsec: 5e8, ...attrs },
  )
})

t.test('open and create', async (t) => {
  t.same(
    written(t, S.OpenOut, (out, at) => reply.openOut(out, at, 7, 0x80, -1)),
    { fh: 7, open_flags: 0x80, backing_id: -1 },
  )
  const out = Buffer.alloc(144)
  t.equal(reply.createOut(out, 0, 9, 0, 1, 1, attr, 7, 2, 0), 144)
  const words = wordsOver(out)
  t.equal(S.EntryOut.decode(words, 0).nodeid, 9)
  t.same({ ...S.OpenOut.decode(words, 128) }, { fh: 7, open_flags: 2, backing_id: 0 })
})

t.test('the small ones', async (t) => {
  t.same(
    written(t, S.WriteOut, (out, at) => reply.writeOut(out, at, 4096)),
    { size: 4096 },
  )
  t.same(
    written(t, S.GetxattrOut, (out, at) => reply.xattrSizeOut(out, at, 17)),
    { size: 17 },
  )
  t.same(
    written(t, S.PollOut, (out, at) => reply.pollOut(out, at, 5)),
    { revents: 5 },
  )
  t.same(
    written(t, S.LseekOut, (out, at) => reply.lseekOut(out, at, 2 ** 45)),
    { offset: 2 ** 45 },
  )
  t.same(
    written(t, S.IoctlOut, (out, at) => reply.ioctlOut(out, at, -3)),
    { result: -3, flags: 0, in_iovs: 0, out_iovs: 0 },
  )
})

t.test('statfs', async (t) => {
  const values = { blocks: 1, bfree: 2, bavail: 3, files: 4, ffree: 5, bsize: 4096, namelen: 255, frsize: 512 }
  const stat = Buffer.concat([encodeStruct(S.Kstatfs, values), Buffer.alloc(16, 0xaa)])
  t.same(
    written(t, S.StatfsOut, (out, at) => reply.statfsOut(out, at, stat)),
    values,
  )
})

t.test('statx', async (t) => {
  const stat = Buffer.alloc(136)
  encodeStruct(S.Attr, { ...attrs, rdev: 0x12345678 }).copy(stat)
  stat.writeUInt32LE(77, 88)
  stat.writeBigInt64LE(-9n, 96)
  stat.writeUInt32LE(10, 104)
  stat.writeUInt32LE(0xfff, 108)
  stat.writeBigUInt64LE(0x10n, 112)
  stat.writeBigUInt64LE(0x203870n, 120)
  const { rdev: _rdev, flags: _flags, ...same } = attrs
  t.same(
    written(t, S.StatxOut, (out, at) => reply.statxOut(out, at, Infinity, stat)),
    {
      ...same,
      attr_valid: 2 ** 53 - 1,
      attr_valid_nsec: 0,
      flags: 0,
      mask: 0xfff,
      attributes: 0x10,
      attributes_mask: 0x203870,
      btime: -9,
      btimensec: 10,
      rdev_major: 0x456,
      rdev_minor: 0x12378,
      dev_major: 0,
      dev_minor: 0,
    },
  )
})
