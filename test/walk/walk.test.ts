/**
 * Seeded random walks over tsaufs and a plain directory.
 *
 *   node dist/test/walk/walk.test.js [--seed N] [--steps N] [--walkers N] [--subject NAME]... [--shrink]
 *
 * WALK_SEED and WALK_STEPS say the same when there is no command line. The seed is fixed otherwise: a red run is the fault of a
 * change, and scripts/soak.sh walks others. With --shrink one walker walks alone, and what
 * it finds is made as short as possible.
 */
import t from 'tap'
import { parseArgs } from 'node:util'
import { show } from '../helpers/steps.js'
import { subjects } from '../scenario/subjects/index.js'
import type { Subject } from '../scenario/subjects/subject.js'
import { randomBranches, randomStep } from './generate.js'
import { Random } from './random.js'
import { Field, shrink, shrinkTrees, trial, Walker, type Item } from './walk.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' }, steps: { type: 'string' }, walkers: { type: 'string' },
    subject: { type: 'string', multiple: true }, shrink: { type: 'boolean' },
  },
  strict: false,
})
const seed = Number(values.seed ?? process.env['WALK_SEED'] ?? 1)
const count = Number(values.steps ?? process.env['WALK_STEPS'] ?? 2000)
const walkers = Number(values.walkers ?? 3)
const chosen = (values.subject as string[] | undefined) ?? ['tsaufs-cached', 'tsaufs-cached-reval', 'tsaufs-cached-notify', 'tsaufs-passthrough']

/** Steps between two comparisons of the trees. */
const STRIDE = 50

/** Steps for one walker alone, with pauses. */
function items(r: Random): Item[] {
  const out: Item[] = []
  for (let i = 1; i <= count; i++) {
    out.push(randomStep(r))
    if (i % STRIDE === 0) out.push(r.pick(['compare', 'compare', 'dropcaches', 'remount']))
  }
  return out
}

async function alone(test: Tap, subject: Subject): Promise<void> {
  const r = new Random(seed)
  const trees = randomBranches(r)
  const all = items(r)
  const found = await trial(subject, trees, all)
  if (found === null) return void test.pass(`${count} steps`)
  test.comment(`at ${found.at}: ${found.problem}`)
  const small = await shrink(subject, trees, all.slice(0, found.at))
  const smallTrees = await shrinkTrees(subject, trees, small?.items ?? all.slice(0, found.at))
  test.comment(`branches, top first: ${JSON.stringify(smallTrees)}`)
  for (const item of small?.items ?? []) test.comment(show(item))
  test.fail(small?.problem ?? found.problem)
}

/** Several walkers at once on one mount; they pause together. Answers the problems of all. */
async function together(test: Tap, subject: Subject): Promise<void> {
  const field = new Field(subject)
  const team = Array.from({ length: walkers }, (_, i) => ({ walker: new Walker(field, `w${i}/tree`), random: new Random(seed + i), ok: true }))
  const pauses = new Random(seed + 999)
  try {
    for (const { walker, random } of team) await walker.build(randomBranches(random))
    await field.mount()
    for (let done = 0; done < count; done += STRIDE) {
      await Promise.all(team.map(async (m) => {
        if (!m.ok) return
        const wrong = await m.walker.perform(Array.from({ length: STRIDE }, () => randomStep(m.random)))
        const problems = wrong === null ? await m.walker.compare() : [wrong]
        m.ok = problems.length === 0
        if (!m.ok) test.fail(`seed ${seed} walker ${m.walker.name}, steps ${done}..: ${problems.slice(0, 5).join('; ')}`)
      }))
      if (!team.some((m) => m.ok)) break
      if (pauses.chance(15)) await team[0]!.walker.dropCaches()
      if (pauses.chance(10)) {
        for (const { walker } of team) await walker.closeFiles()
        test.same(await field.unmount(), [], 'unmount')
        await field.mount()
        for (const m of team) if (m.ok) test.same((await m.walker.compare()).slice(0, 5), [], `${m.walker.name} after a remount, seed ${seed}`)
      }
    }
    for (const m of team) test.same((await m.walker.changes()).slice(0, 5), [], `${m.walker.name}: read-only branches`)
    if (team.every((m) => m.ok)) test.pass(`${walkers} walkers, ${count} steps each`)
  } finally {
    for (const { walker } of team) walker.stop()
    await field.clean()
  }
}

type Tap = Pick<typeof t, 'pass' | 'fail' | 'same' | 'comment'>

t.setTimeout(3600_000)
t.comment(`seed ${seed}, ${count} steps`)
for (const name of chosen) {
  const subject = subjects.find((s) => s.name === name)
  if (!subject) throw new Error(`no such subject: ${name}`)
  const reason = await subject.unavailable()
  await t.test(name, reason === null ? {} : { skip: reason }, async (test) => {
    test.setTimeout(3600_000)
    await (values.shrink === true ? alone(test, subject) : together(test, subject))
  })
}
