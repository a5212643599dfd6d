/**
 * Damaged branches: a mount must bear them, a check must find and repair what there is.
 *
 *   node dist/test/damage/damage.test.js [--seed N] [--trials N] [--steps N] [--deeds N] [--subject NAME]... [--verbose]
 *
 * The seed is fixed otherwise; scripts/soak-damage.sh tries others.
 */
import t from 'tap'
import { parseArgs } from 'node:util'
import { subjects } from '../scenario/subjects/index.js'
import { trial } from './trial.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' }, trials: { type: 'string' }, steps: { type: 'string' }, deeds: { type: 'string' },
    subject: { type: 'string', multiple: true }, verbose: { type: 'boolean' },
  },
  strict: false,
})
const seed = Number(values.seed ?? 1)
const trials = Number(values.trials ?? 2)
const amount = { steps: Number(values.steps ?? 100), deeds: Number(values.deeds ?? 12) }
const chosen = (values.subject as string[] | undefined) ?? ['tsaufs-cached', 'tsaufs-cached-reval', 'tsaufs-passthrough']

t.setTimeout(3600_000)
for (const name of chosen) {
  const subject = subjects.find((s) => s.name === name)
  if (!subject) throw new Error(`no such subject: ${name}`)
  const root = process.geteuid?.() === 0 ? null : 'needs root'
  const reason = root ?? (await subject.unavailable())
  await t.test(name, reason === null ? {} : { skip: reason }, async (test) => {
    test.setTimeout(3600_000)
    for (let s = seed; s < seed + trials; s++) {
      const { problems, done } = await trial(subject, s, amount)
      if (problems.length > 0) for (const line of values.verbose === true ? [...done, ...problems] : problems) test.comment(line.replace(/[\r\n]/g, '⏎'))
      test.same(problems.slice(0, 10), [], `seed ${s}`)
    }
  })
}
