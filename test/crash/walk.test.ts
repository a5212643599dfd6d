/**
 * Several processes work in one mount, and the daemon is killed at a random call. After the next mount every process's
 * directory is as it was before or after the step it was in: the same steps done on a plain directory say how that is.
 * The seed is printed; TSAUFS_SEED takes one, TSAUFS_ROUNDS how often it is killed.
 */
import t from 'tap'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DoubledMount, saysDead } from '../helpers/doubled-mount.js'
import { random } from '../helpers/fuzz-session.js'
import { StepServer, type Result, type Step } from '../helpers/steps.js'
import { flatten, hardlink, OLD, symlink, toEntries, type BuildEntry, type Tree } from '../helpers/tree.js'
import { differences, temporaries } from '../helpers/view.js'
import { until } from '../scenario/subjects/subject.js'
import type { View } from '../scenario/compare.js'

t.setTimeout(1_800_000)
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'
const SEED = Number(process.env['TSAUFS_SEED'] ?? 20261123)
const ROUNDS = Number(process.env['TSAUFS_ROUNDS'] ?? (process.env['TSAUFS_FULL'] !== undefined ? 400 : 40))
const WALKERS = 3
/** Steps each process tries per round: more than the daemon will live for. */
const STEPS = 60
/** The daemon dies at one of so many calls. */
const CALLS = 60

const NAMES = ['a', 'b', 'c', 'd', 'e', 'd/a', 'd/b', 'd/e', 'e/a', 'e/b', 'd/e/a']
const LOWER: Tree = {
  a: 'lower a', b: 'lower b', c: hardlink('b'), d: { a: 'lower d/a', b: symlink('a'), e: { a: 'deep' } },
  e: { a: 'lower e/a' },
}
const UPPER: Tree = { a: 'upper a', e: { b: 'upper e/b' } }

/** One process: the steps it makes, and a plain directory that has made the same. */
class Walker {
  readonly #server = new StepServer()
  readonly #next: () => number
  readonly #dir: string
  readonly #plain: string

  constructor(seed: number, dir: string, plain: string) {
    this.#next = random(seed)
    this.#dir = dir
    this.#plain = plain
  }

  stop(): void {
    this.#server.stop()
  }

  build(dirs: [string, BuildEntry[]][]): Promise<unknown> {
    return this.#server.ask({ build: dirs })
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#next() % from.length] as T // the index is in range
  }

  /** A step that is one system call, or one that changes something and others that do not. */
  #step(): Step {
    const name = this.#pick(NAMES)
    const other = this.#pick(NAMES)
    return this.#pick<Step>([
      ['create', name], ['create', other], ['mkdir', name], ['mkdir', other], ['symlink', 'target', name],
      ['link', name, other], ['link', name, other],
      ['unlink', name], ['unlink', name],
      ['rmdir', name], ['rmdir', name], ['rename', name, other], ['rename', name, other], ['rename', name, other],
      ['rename2', name, other, 'EXCHANGE'], ['chmod', name, 0o600 + (this.#next() & 0o77)],
      ['pwrite', name, 2, `w${this.#next() % 1000}`],
      ['truncate', name, this.#next() % 9], ['setxattr', name, 'user.k', `v${this.#next() % 100}`],
    ])
  }

  /** Steps for a round. */
  plan(): Step[] {
    return Array.from({ length: STEPS }, () => this.#step())
  }

  /** Make the steps; one that died before it could begin is told as the first step's death. */
  async run(steps: readonly Step[]): Promise<Result[]> {
    try {
      return await this.#server.run(this.#dir, steps, { limitMs: 60_000 })
    } catch (error) {
      if (!/Transport endpoint is not connected|Software caused connection abort/.test(String(error))) throw error
      return [{ e: 'ENOTCONN' }]
    }
  }

  /** Raw names on a branch. */
  async names(dir: string): Promise<string[]> {
    return (await this.#server.ask({ names: dir }))['names'] as string[]
  }

  async #view(dir: string): Promise<View> {
    return (await this.#server.ask({ snapshot: dir }))['entries'] as View
  }

  /** The directory after the crash against the plain one, which makes up for the steps. Answers what is wrong. */
  async check(steps: readonly Step[], results: readonly Result[]): Promise<string> {
    const died = results.findIndex(saysDead)
    const done = died < 0 ? steps.length : died
    const wrong: string[] = []
    const same = await this.#server.run(this.#plain, steps.slice(0, done))
    same.forEach((result, i) => {
      const [a, b] = [result.e ?? 'ok', results[i]?.e ?? results[i]?.x ?? 'ok']
      if (a !== b) wrong.push(`step ${i} ${JSON.stringify(steps[i])}: ${b}, on a plain directory ${a}`)
    })
    const got = await this.#view(this.#dir)
    const asBefore = differences(await this.#view(this.#plain), got)
    if (asBefore === '' || died < 0) return [...wrong, ...(asBefore === '' ? [] : [asBefore])].join('\n')
    const last = steps[died]!
    await this.#server.run(this.#plain, [last])
    const asAfter = differences(await this.#view(this.#plain), got)
    if (asAfter !== '') wrong.push(`in ${JSON.stringify(last)}: neither as before (${asBefore}) nor as after (${asAfter})`)
    return wrong.join('\n')
  }
}

class CrashWalk {
  readonly problems: string[] = []
  deaths = 0
  readonly #mount = new DoubledMount()
  readonly #next = random(SEED)
  #walkers: Walker[] = []

  async run(): Promise<void> {
    try {
      await this.#start()
      for (let round = 0; round < ROUNDS && this.problems.length === 0; round++) await this.#round(round)
      this.problems.push(...(await this.#mount.unmount()))
    } finally {
      for (const walker of this.#walkers) walker.stop()
      await this.#mount.remove()
    }
  }

  async #start(): Promise<void> {
    const { work, upper, lower, mountpoint } = this.#mount
    const root: BuildEntry = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    mkdirSync(join(work, 'plain'))
    for (let i = 0; i < WALKERS; i++) {
      const plain = join(work, 'plain', `w${i}`)
      const walker = new Walker(SEED + i, join(mountpoint, `w${i}`), plain)
      this.#walkers.push(walker)
      await walker.build([
        [join(upper, `w${i}`), [root, ...toEntries(UPPER, 'aufs')]],
        [join(lower, `w${i}`), [root, ...toEntries(LOWER, 'aufs')]],
        [plain, [root, ...toEntries(flatten([UPPER, LOWER]), 'aufs')]],
      ])
    }
    await this.#mount.mount()
  }

  async #round(round: number): Promise<void> {
    const n = 1 + (this.#next() % CALLS)
    const when = this.#next() % 2 === 0 ? 'before' : 'after'
    const plans = this.#walkers.map(walker => walker.plan())
    await this.#mount.crashAt({ n, when, which: 'mutating' })
    const results = await Promise.all(this.#walkers.map((walker, i) => walker.run(plans[i]!)))
    const died = results.some(list => list.some(saysDead))
    if (died) {
      this.deaths++
      await until(() => !this.#mount.alive)
      await this.#mount.detach()
    } else {
      await this.#mount.disarm()
      this.problems.push(...(await this.#mount.unmount()))
    }
    await this.#mount.mount()
    for (const [i, walker] of this.#walkers.entries()) {
      const wrong = await walker.check(plans[i]!, results[i]!)
      const killed = died ? `killed ${when} call ${n}` : 'not killed'
      if (wrong !== '') this.problems.push(`round ${round}, ${killed}, process ${i}: ${wrong}`, ...this.#mount.said)
    }
    const names = await this.#walkers[0]!.names(this.#mount.upper)
    for (const left of temporaries(names)) this.problems.push(`round ${round}: left on the branch: ${left}`)
  }
}

t.test(`random steps and SIGKILL, seed ${SEED}`, { skip: reason }, async (t) => {
  const walk = new CrashWalk()
  await walk.run()
  t.comment(`killed ${walk.deaths} times`)
  for (const problem of walk.problems) t.comment(problem)
  t.ok(walk.deaths > ROUNDS / 2, 'it was killed in most rounds')
  t.equal(walk.problems.length, 0, `${ROUNDS} times old state or new state`)
})
