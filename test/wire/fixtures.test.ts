/**
 * Literal bytes in, decoded arguments; literal bytes out. The fixtures say what each byte is.
 */
import t from 'tap'
import { Opcode } from '../../lib/fuse/abi.js'
import { defineOp, HEADER, NO_REPLY, type OpRow, type Request } from '../../lib/fuse/define-op.js'
import { DirentPacker } from '../../lib/fuse/dirent.js'
import { attrOut, createOut, entryOut } from '../../lib/fuse/reply.js'
import type { Struct } from '../../lib/fuse/struct.js'
import {
  Attr,
  BatchForgetIn,
  CreateIn,
  ForgetOne,
  GetattrIn,
  MkdirIn,
  ReadIn,
  Rename2In,
  SetattrIn,
  SetxattrIn,
} from '../../lib/fuse/structs.js'
import { encodeStruct, wireFixture } from '../helpers/fake-kernel.js'
import { startSession } from '../helpers/wire-session.js'

/** The attributes in all reply fixtures. */
const attr = encodeStruct(Attr, {
  ino: 0x1122334455,
  size: 4096,
  blocks: 8,
  atime: 1700000000,
  mtime: 1700000000,
  ctime: 1700000000,
  atimensec: 5,
  mtimensec: 5,
  ctimensec: 5,
  mode: 0o100644,
  nlink: 1,
  uid: 1000,
  gid: 1000,
  blksize: 4096,
})

interface Seen {
  readonly nodeid: number
  readonly caller: readonly number[]
  readonly arg: unknown
  readonly names: readonly string[]
  readonly payload: string
}

interface Row {
  readonly fixture: string
  /** INIT that comes before. */
  readonly init?: string
  readonly in: Struct<unknown> | null
  readonly names: 0 | 1 | 2
  readonly reply: string | null
  readonly seen: Seen
  answer(req: Request): number
}

const caller = [1000, 1000, 4242]
const empty = (): number => 0
const create = (req: Request): number => createOut(req.out, HEADER, 9, 0, 1, 1, attr, 0, 0x82, 3)
const createArg = { flags: 0o100101, mode: 0o100666, umask: 0o22, open_flags: 0 }

const rows: readonly Row[] = [
  {
    fixture: 'lookup',
    in: null,
    names: 1,
    reply: 'lookup.reply',
    seen: { nodeid: 1, caller, arg: undefined, names: ['caf\xe9.txt', ''], payload: 'caf\xe9.txt\0' },
    answer: (req) => entryOut(req.out, HEADER, 7, 0, Infinity, 1.5, attr),
  },
  {
    fixture: 'create',
    in: CreateIn,
    names: 1,
    reply: 'create.reply',
    seen: { nodeid: 3, caller, arg: createArg, names: ['new', ''], payload: 'new\0' },
    answer: create,
  },
  {
    fixture: 'create-groups',
    in: CreateIn,
    names: 1,
    reply: 'create.reply',
    seen: { nodeid: 3, caller, arg: createArg, names: ['new', ''], payload: 'new\0' },
    answer: create,
  },
  {
    fixture: 'mkdir-secctx',
    in: MkdirIn,
    names: 1,
    reply: null,
    seen: { nodeid: 1, caller, arg: { mode: 0o755, umask: 0o22 }, names: ['d', ''], payload: 'd\0' },
    answer: empty,
  },
  {
    fixture: 'rename2',
    in: Rename2In,
    names: 2,
    reply: null,
    seen: { nodeid: 1, caller, arg: { newdir: 5, flags: 2 }, names: ['old', 'new name'], payload: 'old\0new name\0' },
    answer: empty,
  },
  {
    fixture: 'setattr',
    in: SetattrIn,
    names: 0,
    reply: 'setattr.reply',
    seen: {
      nodeid: 7,
      caller,
      names: ['', ''],
      payload: '',
      arg: {
        valid: 0b101001,
        fh: 0,
        size: 5e9,
        lock_owner: 0,
        atime: 0,
        mtime: -2,
        ctime: 0,
        atimensec: 0,
        mtimensec: 500,
        ctimensec: 0,
        mode: 0o100600,
        uid: 0,
        gid: 0,
      },
    },
    answer: (req) => attrOut(req.out, HEADER, Infinity, attr),
  },
  {
    fixture: 'getattr',
    in: GetattrIn,
    names: 0,
    reply: null,
    seen: { nodeid: 1, caller, arg: { getattr_flags: 0, fh: 0 }, names: ['', ''], payload: '' },
    answer: empty,
  },
  {
    fixture: 'readdirplus',
    in: ReadIn,
    names: 0,
    reply: 'readdirplus.reply',
    seen: {
      nodeid: 1,
      caller,
      names: ['', ''],
      payload: '',
      arg: { fh: 0, offset: 3, size: 4096, read_flags: 0, lock_owner: 0, flags: 0o200000 },
    },
    answer: (req) => {
      const packer = new DirentPacker(req.out, req.outWords, HEADER, HEADER + 4096)
      packer.addPlus(2, 4, 4, '..')
      entryOut(req.out, packer.addPlus(0x1122334455, 5, 8, 'abc'), 7, 0, 1, 1, attr)
      return packer.size
    },
  },
  {
    fixture: 'setxattr',
    in: SetxattrIn,
    names: 1,
    reply: null,
    seen: {
      nodeid: 7,
      caller,
      arg: { size: 3, flags: 1, setxattr_flags: 1 },
      names: ['user.k', ''],
      payload: 'user.k\0v\0w',
    },
    answer: empty,
  },
  {
    fixture: 'setxattr-short',
    init: 'init-short',
    in: SetxattrIn,
    names: 1,
    reply: null,
    seen: {
      nodeid: 7,
      caller,
      arg: { size: 3, flags: 1, setxattr_flags: 0 },
      names: ['user.k', ''],
      payload: 'user.k\0v\0w',
    },
    answer: empty,
  },
]

for (const { fixture, init = 'init', in: struct, names, reply, seen, answer } of rows) {
  t.test(fixture, async (t) => {
    const request = wireFixture(fixture)
    let got: Seen | undefined
    const row = defineOp<null, unknown>({
      opcode: request.readUInt32LE(4),
      name: fixture,
      in: struct,
      names,
      run(_union, req, arg, name, name2) {
        got = {
          nodeid: req.nodeid,
          caller: [req.uid, req.gid, req.pid],
          arg: arg === undefined ? arg : { ...(arg as object) },
          names: [name, name2],
          payload: req.bytes.toString('latin1', req.payload, req.payloadEnd),
        }
        t.equal(req.opcode, request.readUInt32LE(4))
        t.equal(req.length, request.length)
        // What was in the buffer before must not show in a reply.
        req.out.fill(0xee)
        return answer(req)
      },
    })
    const { kernel, errors, end } = startSession([row])
    await kernel.ask(wireFixture(init))
    const answered = await kernel.ask(request)
    t.same(got, seen)
    const expected =
      reply === null ? Buffer.concat([Buffer.from('1000000000000000', 'hex'), request.subarray(8, 16)]) : wireFixture(reply)
    t.equal(answered.bytes.toString('hex'), expected.toString('hex'), 'the reply, byte for byte')
    t.same(errors, [])
    await end()
  })
}

t.test('batch-forget', async (t) => {
  const forgotten: unknown[] = []
  const row: OpRow<null, { count: number }> = {
    opcode: Opcode.BATCH_FORGET,
    name: 'batch-forget',
    in: BatchForgetIn,
    names: 0,
    run(_union, req, { count }) {
      for (let i = 0; i < count; i++) forgotten.push({ ...ForgetOne.decode(req.words, req.payload + i * ForgetOne.size) })
      return NO_REPLY
    },
  }
  const { kernel, errors, end } = startSession([row])
  kernel.post(wireFixture('batch-forget'))
  await end()
  t.same(forgotten, [
    { nodeid: 7, nlookup: 1 },
    { nodeid: 9, nlookup: 3 },
  ])
  t.same(kernel.replies, [])
  t.same(errors, [])
})

t.test('readdir', async (t) => {
  const row = defineOp<null, unknown>({
    opcode: Opcode.READDIR,
    name: 'readdir',
    in: ReadIn,
    names: 0,
    run(_union, req) {
      req.out.fill(0xee)
      const packer = new DirentPacker(req.out, req.outWords, HEADER, HEADER + 4096)
      packer.add(2, 4, 4, '..')
      packer.add(Number.MAX_SAFE_INTEGER, 5, 8, '12345678')
      return packer.size
    },
  })
  const { kernel, end } = startSession([row])
  const request = wireFixture('readdirplus')
  request.writeUInt32LE(Opcode.READDIR, 4)
  const answered = await kernel.ask(request)
  t.equal(answered.bytes.toString('hex'), wireFixture('readdir.reply').toString('hex'))
  await end()
})
