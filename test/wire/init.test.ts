/**
 * Negotiation: literal bytes, old kernels, other majors, what is missing.
 */
import t from 'tap'
import { constants } from 'node:os'
import { InitFlag } from '../../lib/fuse/abi.js'
import { flagSet, hasFlag, type InitOptions, type Negotiated } from '../../lib/fuse/negotiate.js'
import { InitOut } from '../../lib/fuse/structs.js'
import { buildInit, OFFERED, wireFixture } from '../helpers/fake-kernel.js'
import { INIT, startSession } from '../helpers/wire-session.js'
import { wordsOver } from '../../lib/fuse/words.js'

const { EINVAL, EPROTO } = constants.errno

/** INIT with `init`; what was answered and what onInit got. */
async function agree(
  init: InitOptions,
  request: Buffer,
): Promise<{ out: ReturnType<typeof InitOut.decode>; negotiated: Negotiated | undefined }> {
  let negotiated: Negotiated | undefined
  const { kernel, end } = startSession([], {
    init,
    onInit: (result) => {
      negotiated = result
    },
  })
  const { payload } = await kernel.ask(request)
  await end()
  return { out: InitOut.decode(wordsOver(payload), 0), negotiated }
}

t.test('Linux 6.18, byte for byte', async (t) => {
  const { kernel, session, errors, end } = startSession([])
  kernel.reply.fill(0xee)
  const { bytes } = await kernel.ask(wireFixture('init'))
  t.equal(bytes.toString('hex'), wireFixture('init.reply').toString('hex'))
  t.equal(session.negotiated?.offered, OFFERED)
  t.equal(session.negotiated?.minor, 45)
  t.same(errors, [])
  await end()
})

t.test('before 7.36: 16 bytes, no flags2', async (t) => {
  const { out, negotiated } = await agree(INIT, wireFixture('init-short'))
  t.equal(out.minor, 32)
  t.equal(out.flags2, 0)
  t.equal(out.max_stack_depth, 0)
  t.equal(out.max_pages, 256)
  t.equal(negotiated?.flags, flagSet(InitFlag.ASYNC_READ, InitFlag.BIG_WRITES, InitFlag.PARALLEL_DIROPS, InitFlag.MAX_PAGES))
})

t.test('a newer major: ours is offered, the kernel asks again', async (t) => {
  const { kernel, session, end } = startSession([])
  const again = await kernel.ask(wireFixture('init-major-8'))
  t.equal(again.error, 0)
  t.equal(again.payload.length, 64)
  t.equal(again.payload.readUInt32LE(0), 7)
  t.equal(session.negotiated, undefined)
  const agreed = await kernel.ask(wireFixture('init'))
  t.equal(agreed.error, 0)
  t.ok(session.negotiated)
  await end()
})

t.test('too old', async (t) => {
  for (const [major, minor] of [
    [6, 45],
    [7, 22],
  ] as const) {
    const { kernel, done } = startSession([])
    const request = buildInit(0, minor)
    request.writeUInt32LE(major, 40)
    t.equal((await kernel.ask(request)).error, -EPROTO)
    await t.rejects(done, { message: new RegExp(`the kernel speaks FUSE ${major}.${minor}`) })
  }
})

t.test('what is required and not there ends the session with its name', async (t) => {
  const init = { ...INIT, require: flagSet(InitFlag.PARALLEL_DIROPS, InitFlag.PASSTHROUGH, InitFlag.NO_OPEN_SUPPORT) }
  const { kernel, done } = startSession([], { init })
  t.equal((await kernel.ask(wireFixture('init-short'))).error, -EPROTO)
  await t.rejects(done, { message: "the kernel's FUSE lacks PASSTHROUGH" })
})

t.test('what is required is asked for', async (t) => {
  const { negotiated } = await agree({ ...INIT, want: 0, require: InitFlag.HAS_EXPIRE_ONLY }, buildInit())
  t.ok(hasFlag(negotiated?.flags ?? 0, InitFlag.HAS_EXPIRE_ONLY))
})

t.test('sizes', async (t) => {
  const small = await agree({ ...INIT, want: 0, maxWrite: 65536, maxReadahead: 4096, maxBackground: 100 }, buildInit())
  t.match(small.out, { max_write: 65536, max_pages: 0, max_readahead: 4096, max_background: 100, congestion_threshold: 75 })
  const old = await agree({ ...INIT, maxReadahead: 2 ** 30 }, buildInit(OFFERED - InitFlag.MAX_PAGES))
  t.match(old.out, { max_write: 131072, max_pages: 0, max_readahead: 131072 }, 'without MAX_PAGES a request has 32 pages')
  const given = await agree({ ...INIT, maxPages: 512, maxStackDepth: 2 }, buildInit())
  t.match(given.out, { max_pages: 512, max_stack_depth: 2 })
})

t.test('a second INIT and one that is too short', async (t) => {
  const { kernel, session, end } = startSession([])
  const short = buildInit().subarray(0, 52)
  short.writeUInt32LE(52, 0)
  t.equal((await kernel.ask(short)).error, -EINVAL)
  t.equal(session.negotiated, undefined)
  await kernel.ask(buildInit())
  t.equal((await kernel.ask(buildInit())).error, -EINVAL)
  await end()
})

t.test('sets of flags', async (t) => {
  t.equal(flagSet(), 0)
  t.equal(flagSet(InitFlag.INIT_RESERVED, InitFlag.REQUEST_TIMEOUT, InitFlag.REQUEST_TIMEOUT), 2 ** 31 + 2 ** 42)
  t.equal(hasFlag(2 ** 42 + 1, InitFlag.REQUEST_TIMEOUT), true)
  t.equal(hasFlag(2 ** 42 + 1, InitFlag.OVER_IO_URING), false)
  for (const [bit, flag] of Object.values(InitFlag).entries()) t.equal(flag, 2 ** bit)
})
