/**
 * Requests that wait: put aside, run anew, answered once; others are served meanwhile.
 */
import t from 'tap'
import { constants } from 'node:os'
import { Opcode } from '../../lib/fuse/abi.js'
import { HEADER, SERVE, type OpRow, type Request } from '../../lib/fuse/define-op.js'
import { SetxattrIn } from '../../lib/fuse/structs.js'
import { Wait } from '../../lib/util/wait.js'
import { buildInit, buildRequest, encodeStruct } from '../helpers/fake-kernel.js'
import { startSession } from '../helpers/wire-session.js'

const { EIO, ENOSPC } = constants.errno

/** A promise with its handles. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (reason: unknown) => void } {
  let resolve = (): void => {}
  let reject = (_reason: unknown): void => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

function row(run: (req: Request, arg: { size: number }, name: string) => number): OpRow<null, unknown> {
  const typed: OpRow<null, { size: number; flags: number; setxattr_flags: number }> = {
    opcode: Opcode.SETXATTR,
    name: 'setxattr',
    in: SetxattrIn,
    names: 1,
    run: (_union, req, arg, name) => run(req, arg, name),
  }
  return typed
}

/** `req` of `row` for the value `text`. */
function request(text: string): Buffer {
  return buildRequest(Opcode.SETXATTR, {
    fixed: encodeStruct(SetxattrIn, { size: text.length }),
    names: [`user.${text}`],
    data: Buffer.from(text),
    nodeid: text.length,
  })
}

/** The value in a request, read as an operation would. */
function valueOf(req: Request, name: string): string {
  const start = req.payload + name.length + 1
  return req.bytes.toString('latin1', start, req.payloadEnd)
}

t.test('runs again from its beginning, with the request as it was', async (t) => {
  const gate = deferred()
  let open = false
  const seen: string[] = []
  const { kernel, session, errors, end } = startSession([
    row((req, { size }, name) => {
      seen.push(`${name} ${size} ${valueOf(req, name)} n${req.nodeid}`)
      if (name === 'user.slow' && !open) throw new Wait(gate.promise)
      req.out.write(name, HEADER, 'latin1')
      return name.length
    }),
  ])
  await kernel.ask(buildInit())
  const slow = kernel.ask(request('slow'))
  const first = await kernel.ask(request('a'))
  const second = await kernel.ask(request('bb'))
  t.equal(session.inFlight, 1)
  t.equal(first.payload.toString(), 'user.a', 'others are served meanwhile')
  t.equal(second.payload.toString(), 'user.bb')
  open = true
  gate.resolve()
  t.equal((await slow).payload.toString(), 'user.slow')
  t.equal(session.inFlight, 0)
  t.same(seen, ['user.slow 4 slow n4', 'user.a 1 a n1', 'user.bb 2 bb n2', 'user.slow 4 slow n4'])
  t.same(errors, [])
  await end()
})

t.test('a failed wait is the answer', async (t) => {
  const reasons: unknown[] = [Object.assign(new Error(), { errno: ENOSPC }), new Error('bug'), undefined]
  for (const reason of reasons) {
    let runs = 0
    const { kernel, session, errors, end } = startSession([
      row(() => {
        runs++
        throw new Wait(Promise.reject(reason))
      }),
    ])
    await kernel.ask(buildInit())
    const known = reason === reasons[0]
    t.equal((await kernel.ask(request('x'))).error, known ? -ENOSPC : -EIO)
    t.same(errors, known ? [] : [reason])
    t.equal(runs, 1)
    t.equal(session.inFlight, 0)
    await end()
  }
})

t.test('may wait several times', async (t) => {
  let runs = 0
  const { kernel, end } = startSession([
    row(() => {
      if (++runs < 5) throw new Wait(new Promise(setImmediate))
      return 0
    }),
  ])
  await kernel.ask(buildInit())
  t.equal((await kernel.ask(request('x'))).error, 0)
  t.equal(runs, 5)
  await end()
})

t.test('but not for ever, if nothing ever changes', async (t) => {
  const { kernel, errors, session, end } = startSession([
    row(() => {
      throw new Wait(Promise.resolve())
    }),
  ])
  await kernel.ask(buildInit())
  t.equal((await kernel.ask(request('x'))).error, -EIO)
  t.match(errors, [{ message: 'setxattr waits without end' }])
  t.equal(session.inFlight, 0)
  await end()
})

t.test('may end in the data plane, which gets the copy', async (t) => {
  let runs = 0
  const { kernel, session, end } = startSession([
    row(() => {
      if (++runs === 1) throw new Wait(new Promise(setImmediate))
      return SERVE
    }),
  ])
  await kernel.ask(buildInit())
  const sent = request('x')
  kernel.post(sent)
  while (kernel.served.length === 0) await new Promise(setImmediate)
  t.same(kernel.served, [sent])
  t.equal(session.inFlight, 0)
  await end()
})

t.test('many at once, settled in another order, amid other requests', async (t) => {
  const gates = Array.from({ length: 100 }, deferred)
  const opened = new Set<number>()
  const { kernel, session, errors, end } = startSession([
    row((req, _arg, name) => {
      const index = Number(name.slice('user.'.length))
      if (index < 100 && !opened.has(index)) throw new Wait(gates[index]?.promise ?? Promise.resolve())
      req.out.write(name, HEADER, 'latin1')
      return name.length
    }),
  ])
  await kernel.ask(buildInit())
  const slow = Array.from({ length: 100 }, (_, i) => kernel.ask(request(String(i))))
  const fast = Array.from({ length: 2000 }, (_, i) => kernel.ask(request(String(i + 100))))
  for (let i = 99; i >= 0; i--) {
    setTimeout(() => {
      opened.add(i)
      gates[i]?.resolve()
    }, i % 7)
  }
  const answers = await Promise.all([...slow, ...fast])
  t.same(
    answers.map(({ payload }) => payload.toString()),
    answers.map((_, i) => `user.${i}`),
    'each got its own answer',
  )
  t.equal(session.inFlight, 0)
  t.same(errors, [])
  await end()
})

t.test('unmounted meanwhile: nothing is run, nothing is written', async (t) => {
  const gate = deferred()
  let runs = 0
  const { kernel, session, errors, end } = startSession([
    row(() => {
      runs++
      throw new Wait(gate.promise)
    }),
  ])
  await kernel.ask(buildInit())
  kernel.post(request('x'))
  await end()
  gate.resolve()
  await new Promise(setImmediate)
  t.equal(runs, 1)
  t.equal(session.inFlight, 0)
  t.same(errors, [])
})

t.test('a reply that cannot be written is told, one that nobody wants is not', async (t) => {
  const { kernel, errors, end } = startSession([
    row((_req, _arg, name) => {
      if (name !== 'user.y') throw new Wait(Promise.reject(Object.assign(new Error(), { errno: ENOSPC })))
      return 0
    }),
  ])
  await kernel.ask(buildInit())
  for (const [result, told] of [
    [-constants.errno.ENOENT, 0],
    [-constants.errno.EINVAL, 1],
  ] as const) {
    kernel.writeResult = result
    kernel.post(request('x'))
    await kernel.ask(request('y'))
    await new Promise(setImmediate)
    t.equal(errors.length, told)
  }
  await end()
})
