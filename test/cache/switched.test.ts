/**
 * `udba` changes while mounted, after everything there has been looked at: what is changed directly from then on (changes.ts)
 * shows as in a mount that has had it from the beginning.
 */
import t from 'tap'
import { existsSync } from 'node:fs'
import type { Step } from '../helpers/steps.js'
import { nameOf, runCases, type Case, type Mode } from './bed.js'
import { directories, files, names, others } from './changes.js'

t.setTimeout(600_000)
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'

const MODES: readonly Omit<Mode, 'few'>[] = [
  { io: 'cached', began: ['none'], udba: 'reval' },
  { io: 'cached', began: ['none'], udba: 'notify' },
  { io: 'cached', began: ['reval'], udba: 'notify' },
  { io: 'cached', began: ['notify'], udba: 'reval' },
  { io: 'passthrough', began: ['none', 'notify'], udba: 'reval' },
  { io: 'passthrough', began: ['reval', 'none'], udba: 'notify' },
]

/**
 * A mount that began with none is not asked before each read: what has changed in place shows when the file is asked for
 * (docs/direct-changes.md), so that is done here after each direct change.
 */
function asked(one: Case): Case {
  const looks = (step: Step): Step[] => {
    const [, file] = /^[RLp]\/(.*)$/s.exec(String(step[1])) ?? []
    return file === undefined || !['pwrite', 'truncate', 'append'].includes(step[0]) ? [step] : [step, ['access', `m/${file}`, 'R_OK']]
  }
  return { ...one, steps: one.steps.flatMap(looks) }
}

for (const each of MODES) {
  const mode = { ...each, few: false }
  await t.test(nameOf(mode), { skip: reason }, async (t) => {
    const cases = [...names, ...directories, ...files, ...others]
    await runCases(t, mode, { m: 'R=rw:L=ro', p: 'L=rw' }, mode.udba === 'reval' && mode.began?.[0] === 'none' ? cases.map(asked) : cases)
  })
}
