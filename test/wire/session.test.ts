/**
 * Dispatch, the one catch, and the loop.
 */
import t from 'tap'
import { constants } from 'node:os'
import { Opcode } from '../../lib/fuse/abi.js'
import { defineOp, HEADER, NO_REPLY, SERVE, type OpRow, type Request } from '../../lib/fuse/define-op.js'
import { Session } from '../../lib/fuse/session.js'
import { GetattrIn } from '../../lib/fuse/structs.js'
import { buildInit, buildRequest, encodeStruct, FakeKernel } from '../helpers/fake-kernel.js'
import { INIT, startSession } from '../helpers/wire-session.js'

const { EINVAL, EIO, ENOENT, ENOSYS, ECONNABORTED } = constants.errno

/** A row for LOOKUP: one name, no structure. */
function lookup(run: (req: Request, name: string) => number): OpRow<null, unknown> {
  return defineOp<null, unknown>({
    opcode: Opcode.LOOKUP,
    name: 'lookup',
    in: null,
    names: 1,
    run: (_union, req, _arg, name) => run(req, name),
  })
}

function ask(kernel: FakeKernel, name = 'x'): ReturnType<FakeKernel['ask']> {
  return kernel.ask(buildRequest(Opcode.LOOKUP, { names: [name] }))
}

t.test('results', async (t) => {
  let result = 0
  const { kernel, errors, end } = startSession([
    lookup((req) => {
      req.out.fill(7, HEADER, HEADER + 8)
      return result
    }),
  ])
  t.match(await ask(kernel), { error: 0, payload: Buffer.alloc(0) })
  result = 8
  t.same((await ask(kernel)).payload, Buffer.alloc(8, 7))
  result = -ENOENT
  t.match(await ask(kernel), { error: -ENOENT, payload: Buffer.alloc(0) })
  t.same(errors, [])
  for (result of [-512, kernel.reply.length - HEADER + 1, Number.NaN, 0.5]) {
    t.equal((await ask(kernel)).error, -EIO, `${result} is no answer`)
    t.match(errors.pop(), { message: `lookup answered ${result}` })
  }
  await end()
})

t.test('errors', async (t) => {
  let thrown: unknown
  const { kernel, errors, end } = startSession([
    lookup(() => {
      throw thrown
    }),
  ])
  thrown = Object.assign(new Error(), { errno: ENOENT })
  t.equal((await ask(kernel)).error, -ENOENT)
  t.same(errors, [])
  for (thrown of [new TypeError('bug'), undefined, 'text', Object.assign(new Error(), { errno: -2 }), { errno: 600 }]) {
    t.equal((await ask(kernel)).error, -EIO)
    t.equal(errors.pop(), thrown, 'told as it was thrown')
  }
  await end()
})

t.test('unknown opcodes are ENOSYS', async (t) => {
  const { kernel, session, errors, end } = startSession([])
  for (const opcode of [0, 1, 7, 19, 53, 54, 64, 4096, 1048576, 436207616, 0x7fffffff, 0xffffffff]) {
    t.equal((await kernel.ask(buildRequest(opcode))).error, -ENOSYS)
  }
  t.same(errors, [])
  t.equal(session.counts[0], 8, 'those without a number of ours are counted together')
  t.equal(session.counts[1], 1)
  await end()
})

t.test('form', async (t) => {
  const { kernel, end } = startSession([
    lookup(() => 0),
    defineOp<null, unknown>({
      opcode: Opcode.GETATTR,
      name: 'getattr',
      in: GetattrIn,
      names: 0,
      run: () => 0,
    }),
  ])
  t.equal((await kernel.ask(buildRequest(Opcode.LOOKUP, { data: Buffer.from('no end') }))).error, -EINVAL)
  t.equal((await kernel.ask(buildRequest(Opcode.LOOKUP))).error, -EINVAL)
  t.equal((await kernel.ask(buildRequest(Opcode.GETATTR, { fixed: Buffer.alloc(8) }))).error, -EINVAL)
  const getattr = { fixed: encodeStruct(GetattrIn, {}) }
  t.equal((await kernel.ask(buildRequest(Opcode.GETATTR, getattr))).error, 0)
  t.equal((await kernel.ask(buildRequest(Opcode.GETATTR, { ...getattr, extensions: Buffer.alloc(8) }))).error, 0)
  const overlapping = buildRequest(Opcode.GETATTR, getattr)
  overlapping.writeUInt16LE(1, 36)
  t.equal((await kernel.ask(overlapping)).error, -EINVAL, 'extensions reach into the structure')
  const beyond = buildRequest(Opcode.GETATTR, getattr)
  beyond.writeUInt16LE(0xffff, 36)
  t.equal((await kernel.ask(beyond)).error, -EINVAL, 'extensions longer than the request')
  const unterminated = buildRequest(Opcode.LOOKUP, { data: Buffer.from('name'), extensions: Buffer.alloc(8) })
  t.equal((await kernel.ask(unterminated)).error, -EINVAL, 'a NUL in the extensions ends no name')
  await end()
})

t.test('every byte of a name comes through', async (t) => {
  const bytes = String.fromCharCode(...Array.from({ length: 255 }, (_, i) => i + 1)).replace('/', '')
  let got = ''
  const { kernel, end } = startSession([
    lookup((_req, name) => {
      got = name
      return 0
    }),
  ])
  await ask(kernel, bytes)
  t.equal(got, bytes)
  await end()
})

t.test('a name that leads elsewhere never gets to a row', async (t) => {
  const got: string[][] = []
  const row = (opcode: number, names: 1 | 2): OpRow<null, unknown> => ({
    opcode,
    name: 'row',
    in: null,
    names,
    run: (_union, _req, _arg, name, name2) => {
      got.push([name, name2])
      return 0
    },
  })
  const { kernel, end } = startSession([
    row(Opcode.LOOKUP, 1),
    row(Opcode.RENAME2, 2),
    row(Opcode.SYMLINK, 2),
    row(Opcode.REMOVEXATTR, 1),
    row(Opcode.TMPFILE, 1),
  ])
  for (const name of ['', '.', '..', '/', 'a/b', '../x', 'x/']) {
    t.equal((await ask(kernel, name)).error, -EINVAL, `LOOKUP '${name}'`)
    t.equal((await kernel.ask(buildRequest(Opcode.RENAME2, { names: ['a', name] }))).error, -EINVAL, `RENAME2 a '${name}'`)
  }
  t.same(got, [])
  for (const name of ['...', '.a', 'a.', '..a', 'a..']) await ask(kernel, name)
  await kernel.ask(buildRequest(Opcode.SYMLINK, { names: ['link', '../target'] }))
  await kernel.ask(buildRequest(Opcode.REMOVEXATTR, { names: ['user./'] }))
  await kernel.ask(buildRequest(Opcode.TMPFILE, { names: ['/'] }))
  t.same(got, [
    ['...', ''],
    ['.a', ''],
    ['a.', ''],
    ['..a', ''],
    ['a..', ''],
    ['link', '../target'],
    ['user./', ''],
    ['/', ''],
  ])
  await end()
})

t.test('SERVE', async (t) => {
  const { kernel, end } = startSession([lookup(() => SERVE)])
  kernel.serveResult = -ENOENT
  const refused = buildRequest(Opcode.LOOKUP, { names: ['x'] })
  t.equal((await kernel.ask(refused)).error, -ENOENT)
  t.same(kernel.served.pop(), refused, 'the data plane gets the request as it came')
  kernel.serveResult = 0
  kernel.post(refused)
  await end()
  t.equal(kernel.served.length, 1)
  t.same(kernel.replies, [], 'the data plane answers')
})

t.test('INTERRUPT and NO_REPLY have no reply', async (t) => {
  const { kernel, errors, end } = startSession([lookup(() => NO_REPLY)])
  kernel.post(buildRequest(Opcode.INTERRUPT, { fixed: Buffer.alloc(8) }))
  kernel.post(buildRequest(Opcode.LOOKUP, { names: ['x'] }))
  await end()
  t.same(kernel.replies, [])
  t.same(errors, [])
})

t.test('FORGET has none either, whatever its row does', async (t) => {
  const results = [
    (): number => 0,
    (): number => -EIO,
    (): number => SERVE,
    (): number => {
      throw new Error('bug')
    },
  ]
  const row = defineOp<null, unknown>({
    opcode: Opcode.FORGET,
    name: 'forget',
    in: null,
    names: 0,
    run: () => (results.pop() ?? (() => 0))(),
  })
  const { kernel, errors, end } = startSession([row])
  for (let i = 0; i < 4; i++) kernel.post(buildRequest(Opcode.FORGET))
  await end()
  t.same(kernel.replies, [])
  t.same(kernel.served, [])
  t.match(errors, [{ message: 'bug' }])
})

t.test('DESTROY is answered and is the end', async (t) => {
  const { kernel, done } = startSession([])
  const { error } = await kernel.ask(buildRequest(Opcode.DESTROY))
  t.equal(error, 0)
  await done
})

t.test('afterRequest comes after each request and may fail', async (t) => {
  const seen: string[] = []
  const { kernel, errors, end } = startSession(
    [
      lookup(() => {
        seen.push('run')
        return 0
      }),
    ],
    {
      afterRequest: () => {
        seen.push('after')
        throw new Error('after')
      },
    },
  )
  t.equal((await ask(kernel)).error, 0)
  t.same(seen, ['run', 'after'])
  t.match(errors, [{ message: 'after' }])
  await end()
})

t.test('the event loop gets its turn while requests never end', async (t) => {
  const { kernel, session, end } = startSession([lookup(() => 0)])
  for (let i = 0; i < 1000; i++) kernel.post(buildRequest(Opcode.LOOKUP, { names: ['x'] }))
  let served = -1
  setTimeout(() => {
    served = session.counts[Opcode.LOOKUP] ?? 0
  }, 0)
  await end()
  t.ok(served >= 0 && served < 1000, `a timer ran after ${served} of 1000`)
  t.equal(kernel.replies.length, 1000, 'and no reply was lost for it')
})

t.test('a turn that fails', async (t) => {
  const { kernel, errors, end } = startSession([lookup(() => 0)])
  kernel.turnResults.push(-EIO, -EINVAL)
  t.equal((await ask(kernel)).error, 0, 'is told, and the next one tried')
  t.equal(errors.length, 2)
  await end()
  const broken = startSession([])
  broken.kernel.turnResults.push(...new Array<number>(100).fill(-EIO))
  await t.rejects(broken.done, { message: /fails/ })
  const aborted = startSession([])
  aborted.kernel.turnResults.push(-ECONNABORTED)
  await aborted.done
})

t.test('rows are checked', async (t) => {
  const make =
    (...opcodes: number[]) =>
    () =>
      new Session<null>({
        transport: new FakeKernel(4096),
        union: null,
        init: INIT,
        onError: () => {},
        rows: opcodes.map((opcode) => ({ opcode, name: 'row', in: null, names: 0, run: () => 0 })),
      })
  t.doesNotThrow(make(1, 2, 53))
  t.throws(make(1, 1), /taken/)
  t.throws(make(Opcode.INIT), /taken/)
  t.throws(make(Opcode.DESTROY), /taken/)
  t.throws(make(Opcode.INTERRUPT), /taken/)
  t.throws(make(0), /number 0/)
  t.throws(make(54), /number 54/)
})

t.test('trace', async (t) => {
  const lines: string[] = []
  const { kernel, end } = startSession([lookup(() => -ENOENT)], { trace: (line) => lines.push(line) })
  await kernel.ask(buildInit())
  await kernel.ask(buildRequest(Opcode.LOOKUP, { names: ['caf\xc3\xa9'], unique: 99998, nodeid: 5, uid: 1000 }))
  t.match(lines[0], /^rx \d+: INIT n0 u0 \{major=7 minor=45 .*\}: ASYNC_READ\|.*\|PASSTHROUGH\|/)
  t.match(lines[1], /^tx \d+: OK 64 bytes \{major=7 minor=45 .*: ASYNC_READ\|BIG_WRITES\|PARALLEL_DIROPS/)
  t.same(lines.slice(2), ['rx 99998: LOOKUP n5 u1000 "caf\u00e9"', 'tx 99998: ENOENT'])
  await end()
})
