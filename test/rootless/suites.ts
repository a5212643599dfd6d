/** The scenarios and a short walk, as somebody who is not root. */
import root, { type Test } from 'tap'
import { OrdinaryUser, unavailable, type Outcome } from './ordinary-user.js'

/** As whom, and how many rows must at least have been run on the union: leaving out must not swallow the table. */
export interface Who {
  readonly identity: 'userns' | 'user'
  readonly prefix: readonly string[]
  readonly rowsAtLeast: number
}

const SUBJECT = 'tsaufs-cached'
const WALK_SEEDS = ['1', '2']
const WALK_STEPS = '400'

/** What a failed run has to say, as comments. */
function explain(t: Test, { code, out, err }: Outcome): void {
  if (code === 0) return
  for (const line of out.split('\n')) if (/^\s*not ok|FAILED on|^\s*#\s{3,}/.test(line)) t.comment(line)
  for (const line of err.slice(-20)) t.comment(line)
}

/** The scenario table. */
async function scenarios(t: Test, user: OrdinaryUser, who: Who): Promise<void> {
  const words = ['--subject', 'plain', '--subject', SUBJECT]
  const outcome = await user.test('scenario/run.test.js', words, who.prefix, { SCENARIO_IDENTITY: who.identity })
  explain(t, outcome)
  t.equal(outcome.code, 0, 'every row that was run')
  const own = outcome.out.slice(outcome.out.indexOf(`# Subtest: ${SUBJECT}`))
  for (const [, line] of own.matchAll(/^ *# ((not compared|left out): .*)/gm)) t.comment(line!)
  const count = new RegExp(`# ${SUBJECT} as ${who.identity}: (\\d+) rows run, (\\d+) left out`).exec(outcome.out)
  t.ok(Number(count?.[1]) >= who.rowsAtLeast, `at least ${who.rowsAtLeast} rows were run: ${count?.[0] ?? 'not told'}`)
  t.same(user.mounts(), [], 'nothing is left mounted')
}

/** The random walk. */
async function walks(t: Test, user: OrdinaryUser, who: Who): Promise<void> {
  for (const seed of WALK_SEEDS) {
    const words = ['--subject', SUBJECT, '--seed', seed, '--steps', WALK_STEPS]
    const outcome = await user.test('walk/walk.test.js', words, who.prefix, { SCENARIO_IDENTITY: who.identity })
    explain(t, outcome)
    t.equal(outcome.code, 0, `seed ${seed}`)
    t.match(outcome.out, `walkers, ${WALK_STEPS} steps each`, `seed ${seed} was walked`)
  }
  t.same(user.mounts(), [], 'nothing is left mounted')
}

/** Branches changed directly: by watches that need no privilege. */
async function storms(t: Test, user: OrdinaryUser, who: Who): Promise<void> {
  const outcome = await user.test('cache/storm.test.js', ['quick'], who.prefix, { SCENARIO_IDENTITY: who.identity })
  explain(t, outcome)
  t.equal(outcome.code, 0, 'the mount shows what a new one shows')
  t.match(outcome.out, /^ok 1 - fanotify, the daemon stopped/m)
  t.same(user.mounts(), [], 'nothing is left mounted')
}

/** A test of one file only. */
type OwnTest = readonly [name: string, run: (t: Test, user: OrdinaryUser) => unknown]

/** The tests of a whole file: `own` ones first, then scenarios and walks; in the end no process of the user may be left. */
export async function suite(who: Who, own: readonly OwnTest[]): Promise<void> {
  const reason = unavailable()
  if (reason !== false) return void root.plan(0, reason)
  root.setTimeout(600_000)
  const user = new OrdinaryUser()
  root.teardown(() => user.end())
  for (const [name, run] of own) await root.test(name, (t) => run(t, user))
  await root.test('scenarios', { timeout: 300_000 }, (t) => scenarios(t, user, who))
  await root.test('walks', { timeout: 120_000 }, (t) => walks(t, user, who))
  await root.test('direct changes', { timeout: 120_000 }, (t) => storms(t, user, who))
  root.same(await user.remains(), [], 'no process is left')
}
