/**
 * Every fixture cut at every length: a reply or an errno, never a throw, never silence where an answer is due.
 */
import t from 'tap'
import { readdirSync } from 'node:fs'
import { constants } from 'node:os'
import { Opcode } from '../../lib/fuse/abi.js'
import { buildInit, FakeKernel, fixturesDir, wireFixture } from '../helpers/fake-kernel.js'
import { echoRows } from '../helpers/fuzz-session.js'
import { startSession } from '../helpers/wire-session.js'

const { EINVAL } = constants.errno
const silent: readonly number[] = [Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT]
const requests = readdirSync(fixturesDir())
  .filter((file) => /^[a-z0-9-]+\.hex$/.test(file))
  .map((file) => file.replace('.hex', ''))

t.ok(requests.length >= 14, `${requests.length} fixtures`)

for (const name of requests) {
  for (const patched of [true, false]) {
    t.test(`${name}, header ${patched ? 'says the cut length' : 'says the whole length'}`, async (t) => {
      const whole = wireFixture(name)
      const isInit = whole.readUInt32LE(4) === Opcode.INIT
      for (let length = 1; length < whole.length; length++) {
        // A session of its own for each: a cut INIT must not meet one that is through.
        const { kernel, errors, end } = startSession(echoRows, {}, new FakeKernel(4096))
        if (!isInit) kernel.post(buildInit())
        const cut = Buffer.from(whole.subarray(0, length))
        if (patched && length >= 4) cut.writeUInt32LE(length, 0)
        kernel.post(cut)
        await end()
        const replies = kernel.replies.slice(isInit ? 0 : 1)
        const wanted = length < 16 || silent.includes(whole.readUInt32LE(4)) ? 0 : 1
        if (replies.length !== wanted) t.fail(`${replies.length} replies at length ${length}`)
        if (length < 16 && errors.length !== 1) t.fail(`length ${length} was dropped without a word`)
        if (length >= 16 && errors.length !== 0) t.fail(`length ${length}: ${String(errors[0])}`)
        for (const reply of replies) {
          if (reply.unique !== whole.readBigUInt64LE(8)) t.fail(`length ${length}: another's unique`)
          if ((!patched || length < 40) && reply.error !== -EINVAL) t.fail(`length ${length}: error ${reply.error}`)
        }
      }
    })
  }
}
