/** udba=notify: what is changed directly on a branch (changes.ts) shows as soon as its event has been taken in. */
import t from 'tap'
import { existsSync } from 'node:fs'
import { modes, nameOf, runCases } from './bed.js'
import { coarse, directories, files, names, others, trusted } from './changes.js'

t.setTimeout(900_000)
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'

for (const mode of modes('notify')) {
  await t.test(nameOf(mode), { skip: reason }, async (t) => {
    await runCases(t, mode, { m: 'R=rw:L=ro', p: 'L=rw' }, [...names, ...directories, ...files, ...others])
    await runCases(t, mode, { m: 'R=rw:L=rr' }, trusted)
    if (!mode.few) await runCases(t, mode, { m: 'R=rw:L=ro' }, coarse, ['R'])
  })
}
