/**
 * The daemon is killed with SIGKILL at every call that changes a branch, in the middle of one operation. After the next
 * mount there is the old state or the new one, never a third, and nothing is left of the temporaries.
 */
import t from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { rows, type FaultRow } from '../fault/ops.js'
import { sample } from '../fault/sweep.js'
import { DoubledMount, saysDead } from '../helpers/doubled-mount.js'
import type { Crash } from '../helpers/native-double.js'
import { StepServer } from '../helpers/steps.js'
import { OLD, toEntries, type BuildEntry, type Tree } from '../helpers/tree.js'
import { differences, temporaries } from '../helpers/view.js'
import type { View } from '../scenario/compare.js'

t.setTimeout(1_800_000)
const full = process.env['TSAUFS_FULL'] !== undefined
type Form = 'aufs' | 'overlay'
/** Crashes per operation unless all are asked for. */
const LIMITS: readonly (readonly [Form, number])[] = [['aufs', 7], ['overlay', 4]]
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'

/** One mount whose daemon dies again and again; every trial has its own directory. */
class CrashRun {
  readonly problems: string[] = []
  trials = 0
  crashes = 0
  readonly mount: DoubledMount
  readonly #format: Form
  readonly #limit: number
  readonly #server = new StepServer()

  /** @param limit crashes per operation */
  constructor(format: Form, limit: number) {
    this.#format = format
    this.#limit = limit
    this.mount = new DoubledMount(format === 'overlay' ? 'rw+fmt=overlay' : 'rw')
  }

  async end(): Promise<void> {
    this.#server.stop()
    await this.mount.remove()
  }

  async #prepare(name: string, row: FaultRow): Promise<string> {
    const root: BuildEntry = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    const { upper, lower, mountpoint } = this.mount
    const entries = (tree: Tree | undefined): BuildEntry[] => [root, ...toEntries(tree ?? {}, this.#format)]
    await this.#server.ask({ build: [[join(upper, name), entries(row.R)], [join(lower, name), entries(row.L)]] })
    await this.#server.ask({ digest: join(lower, name), key: name })
    const dir = join(mountpoint, name)
    if (row.before !== undefined) await this.#server.run(dir, row.before)
    return dir
  }

  async #view(dir: string): Promise<View> {
    return (await this.#server.ask({ snapshot: dir }))['entries'] as View
  }

  async row(row: FaultRow, id: string): Promise<void> {
    const truth = await this.#prepare(`${id}-truth`, row)
    const old = await this.#view(truth)
    await this.mount.arm({ n: 0, errno: 0, which: 'mutating', once: true })
    await this.#server.run(truth, row.act)
    const { calls } = await this.mount.disarm()
    const after = await this.#view(truth)
    // What lies on the branch after a call lies there before the next: `after` every call, and `before` the first.
    for (const n of sample(calls.length, full ? Infinity : this.#limit, id.length + calls.length)) {
      const when = n === 1 ? 'before' : 'after'
      const label = `${row.name}, ${when} call ${n} of ${calls.length} (${calls[n - 1]})`
      await this.#crash(row, `${id}-${n}`, { n, when, which: 'mutating' }, label, [old, after])
    }
  }

  async #crash(row: FaultRow, name: string, crash: Crash, label: string, views: readonly View[]): Promise<void> {
    this.trials++
    const dir = await this.#prepare(name, row)
    await this.#view(dir)
    await this.mount.crashAt(crash)
    const results = await this.#server.run(dir, row.act, { limitMs: 20_000 })
    // One daemon makes its base of whiteouts or link directory where another has it: the last call may not be reached.
    const died = results.some(saysDead)
    if (died) this.crashes++
    this.problems.push(...(await this.mount.remount(died)))
    const got = await this.#view(dir)
    const wrong = views.map(view => differences(view, got))
    if (!wrong.includes('')) this.problems.push(`${label}: neither old (${wrong[0]}) nor new (${wrong[1]})`)
    const names = (await this.#server.ask({ names: this.mount.upper }))['names'] as string[]
    for (const left of temporaries(names)) this.problems.push(`${label}: left on the branch: ${left}`)
    if (names.includes('.wh..wh.work')) this.problems.push(`${label}: left on the branch: .wh..wh.work`)
    const { changes } = await this.#server.ask({ compare: join(this.mount.lower, name), key: name })
    for (const change of changes as string[]) this.problems.push(`${label}: the lower branch changed: ${change}`)
  }
}

for (const [format, limit] of LIMITS) t.test(`SIGKILL at every call, ${format}`, { skip: reason }, async (t) => {
  const run = new CrashRun(format, limit)
  try {
    await run.mount.mount()
    const wanted = process.env['TSAUFS_ROW']
    for (const [i, row] of rows.entries()) {
      if (row.crash === true && (wanted === undefined || row.name.includes(wanted))) await run.row(row, `c${i}`)
    }
    run.problems.push(...(await run.mount.unmount()))
  } finally {
    await run.end()
  }
  t.comment(`${run.crashes} crashes in ${run.trials} trials`)
  for (const problem of run.problems.slice(0, 200)) t.comment(problem)
  t.ok(run.crashes > 0.9 * run.trials, 'it nearly always died')
  t.equal(run.problems.length, 0, 'old state or new state')
})
