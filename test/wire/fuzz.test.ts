/**
 * The session against damaged requests and rows that throw whatever can be thrown.
 */
import t from 'tap'
import { NO_REPLY, SERVE, type OpRow, type Request } from '../../lib/fuse/define-op.js'
import { Session } from '../../lib/fuse/session.js'
import type { Transport } from '../../lib/fuse/transport.js'
import { Wait } from '../../lib/util/wait.js'
import { fuzzSession, random, rowsOf } from '../helpers/fuzz-session.js'
import { INIT } from '../helpers/wire-session.js'

const COUNT = 20_000

/** Things to throw and to answer; an index that has no entry is a success. */
const deeds: readonly ((req: Request) => number)[] = [
  () => {
    throw Object.assign(new Error('ENOENT'), { errno: 2 })
  },
  () => {
    throw Object.assign(new Error('negative, as in node:fs'), { errno: -2 })
  },
  () => {
    throw Object.assign(new Error('too large'), { errno: 524 })
  },
  () => {
    throw Object.assign(new Error('no number'), { errno: 'ENOENT' })
  },
  () => {
    throw Object.assign(new Error('not whole'), { errno: 1.5 })
  },
  () => {
    throw new TypeError('a bug')
  },
  () => {
    throw undefined
  },
  () => {
    throw null
  },
  () => {
    throw 'a string'
  },
  () => {
    throw 42
  },
  () => {
    throw {
      get errno(): number {
        throw new Error('hostile')
      },
    }
  },
  () => {
    throw new Proxy(
      {},
      {
        has: () => {
          throw new Error('hostile')
        },
      },
    )
  },
  () => {
    throw new Wait(Promise.resolve())
  },
  () => {
    throw new Wait(new Promise((resolve) => setImmediate(resolve)))
  },
  () => {
    throw new Wait(Promise.reject(Object.assign(new Error('ENOSPC'), { errno: 28 })))
  },
  () => {
    throw new Wait(Promise.reject(new Error('a bug')))
  },
  () => {
    throw new Wait(Promise.reject(undefined))
  },
  () => {
    throw new Wait(undefined as unknown as Promise<void>)
  },
  () => -2,
  () => -511,
  () => -512,
  () => NO_REPLY,
  () => SERVE,
  () => Number.NaN,
  () => Infinity,
  () => 0.5,
  () => undefined as unknown as number,
  () => '5' as unknown as number,
  (req) => req.out.length - 16,
  (req) => req.out.length - 15,
  (req) => req.out.length,
  () => 2 ** 31,
  () => {
    const deep = (): number => deep() + 1
    return deep()
  },
  (req) => {
    req.out.fill(0xff)
    return 16
  },
  (req) => {
    Object.assign(req, { nodeid: 'x', opcode: -1, length: 1e9, payload: -5 })
    return 0
  },
]

function makeSession(transport: Transport, seed: number, kept: () => void): Session<null> {
  const next = random(seed)
  const rows: OpRow<null, unknown>[] = rowsOf((req) => {
    const deed = deeds[next() % (deeds.length * 2)]
    return deed === undefined ? 0 : deed(req)
  })
  return new Session<null>({
    transport,
    rows,
    union: null,
    init: INIT,
    afterRequest: () => {
      if (next() % 100 === 0) throw new Error('after')
    },
    onError: () => {
      kept()
      throw new Error('the log is broken too')
    },
    trace: () => {
      if (next() % 1000 === 0) throw new Error('trace')
    },
  })
}

for (const seed of [1, Number(process.env['TSAUFS_SEED'] ?? 2)]) {
  t.test(`seed ${seed}`, async (t) => {
    let errors = 0
    let session: Session<null> | undefined
    const result = await fuzzSession(
      (transport) => (session = makeSession(transport, seed, () => errors++)),
      { seed, count: COUNT, maySkip: () => true }, // any row may answer NO_REPLY here
    )
    t.equal(session?.inFlight, 0, 'nothing is left in flight')
    t.ok(errors > 100, `${errors} errors reported`)
    for (const errno of [0, 2, 5, 22, 28, 38])
      t.ok((result.answers.get(errno) ?? 0) > 10, `errno ${errno} among the answers`)
    t.ok(result.served > 10, 'SERVE')
    t.comment(JSON.stringify([...result.answers]))
  })
}

t.test('rows that never are silent are never without an answer', async (t) => {
  const next = random(7)
  const loud = deeds.filter((deed) => !String(deed).includes('NO_REPLY'))
  const rows = rowsOf((req) => (loud[next() % loud.length] ?? (() => 0))(req))
  await fuzzSession((transport) => new Session<null>({ transport, rows, union: null, init: INIT, onError: () => {} }), {
    seed: 7,
    count: COUNT,
  })
  t.pass('one reply each')
})
