/**
 * Random file operations on a union whose stack changes again and again, and so does udba: branches are changed directly while
 * it is none, just before it becomes another. After each change the live mount, with all it and the kernel have cached, must
 * show what a fresh mount of the same branches shows.
 *
 *   node dist/test/stack/random.test.js [--seed N] [--changes N]
 */
import t from 'tap'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ask } from '../../lib/daemon/client.js'
import { liveMounts, type MountRecord } from '../../lib/daemon/rundir.js'
import { NEEDS_ROOT } from '../cli/sandbox.js'
import { StepServer, type Step } from '../helpers/steps.js'
import { OLD, toEntries, type Tree } from '../helpers/tree.js'
import { compareViews, type View } from '../scenario/compare.js'
import { mountUnion } from '../scenario/subjects/tsaufs.js'
import { removeTree, unmountAt, type Mounted } from '../scenario/subjects/subject.js'
import { randomBranches, randomStep } from '../walk/generate.js'
import { Random } from '../walk/random.js'

const { values } = parseArgs({ options: { seed: { type: 'string' }, changes: { type: 'string' } }, strict: false })
const seed = Number(values.seed ?? process.env['WALK_SEED'] ?? 1)
const changes = Number(values.changes ?? 8)

const POOL = ['b0', 'b1', 'b2', 'b3', 'b4']
const STEPS = 60
const UDBA = ['none', 'reval', 'notify']

/** A branch of the stack, as the test keeps count of it. */
interface Placed {
  readonly name: string
  readonly perm: string
}

class Live {
  readonly work = mkdtempSync(join(tmpdir(), 'tsaufs-stack-'))
  readonly server = new StepServer()
  stack: Placed[] = [{ name: 'b0', perm: 'rw' }, { name: 'b1', perm: 'ro+wh' }]
  #mounted: Mounted | null = null
  #record: MountRecord | null = null

  at(name: string): string {
    return join(this.work, name)
  }

  async begin(trees: readonly Tree[], options: readonly string[]): Promise<void> {
    for (const name of ['mnt', 'fresh', 'run', 'run2']) mkdirSync(this.at(name))
    const root = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    for (const [i, name] of POOL.entries()) {
      mkdirSync(this.at(name))
      await this.server.ask({ build: [[this.at(name), [root, ...toEntries(trees[i] ?? {}, 'aufs')]]] })
    }
    this.#mounted = await mountUnion({ branches: this.branches(), options: [...options, 'nowarn_perm'], mountpoint: this.at('mnt'), scratch: this.at('run') })
    process.env['TSAUFS_RUN_DIR'] = join(this.at('run'), 'run')
    this.#record = liveMounts()[0]!
  }

  branches(): { name: string, path: string, perm: string }[] {
    return this.stack.map(({ name, perm }) => ({ name, perm, path: this.at(name) }))
  }

  /** Ask for a change; answers the refusal, '' if it was made. */
  async change(options: string): Promise<string> {
    try {
      await ask(this.#record!, 'remount', { options, cwd: this.work }, 120_000)
      return ''
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** Files of read-only branches: written in place, replaced, removed and made. */
  async changeDirectly(r: Random): Promise<void> {
    for (const { name, perm } of this.stack) {
      if (!perm.startsWith('ro')) continue
      const files = Object.entries(await this.view(name)).filter(([path, { type, nlink }]) => type === 'file' && nlink === 1 && !path.includes('.wh.'))
      for (const [path] of files) {
        const at = join(this.at(name), path)
        const ways: Step[][] = [[['append', at, 'direct']], [['write', `${at}.new`, 'direct'], ['rename', `${at}.new`, at]], [['unlink', at]], [['write', `${at}.n`, 'N']]]
        if (r.chance(40)) await this.server.run('/', r.pick(ways), { keep: true })
      }
    }
  }

  async view(name: string): Promise<View> {
    return (await this.server.ask({ snapshot: this.at(name) }))['entries'] as View
  }

  /** What the live mount shows and a fresh one does not, or otherwise. */
  async differences(): Promise<string[]> {
    const live = await this.view('mnt')
    const setup = { branches: this.branches(), options: ['ro', 'udba=none', 'nowarn_perm'], mountpoint: this.at('fresh'), scratch: this.at('run2') }
    const fresh = await mountUnion(setup)
    try {
      return compareViews(await this.view('fresh'), live, false, { ino: '', fifoMtime: '' })
    } finally {
      await fresh.unmount()
    }
  }

  async end(): Promise<string[]> {
    const log = readdirSync(join(this.at('run'), 'run')).filter((name) => name.startsWith('si_'))
      .map((name) => readFileSync(join(this.at('run'), 'run', name, 'log'), 'latin1')).join('')
    this.server.stop()
    const problems = (await this.#mounted?.unmount()) ?? []
    for (const name of ['fresh', 'mnt']) await unmountAt(this.at(name))
    await removeTree(this.work)
    return [...problems, ...log.split('\n').filter((line) => line !== '')]
  }
}

/** A change of the stack: its option, and the stack after it. */
function randomChange(r: Random, stack: readonly Placed[]): { options: string, after: Placed[] } {
  const perm = (place: number): string => (place === 0 || r.chance(40) ? 'rw' : r.pick(['ro', 'ro+wh', 'ro+wh', 'rr+wh']))
  const out = POOL.filter((name) => !stack.some((branch) => branch.name === name))
  const kind = r.below(100)
  if (kind < 45 && out.length > 0) {
    const place = r.below(stack.length + 1)
    const branch = { name: r.pick(out), perm: perm(place) }
    return { options: `add:${place}:${branch.name}=${branch.perm}`, after: [...stack.slice(0, place), branch, ...stack.slice(place)] }
  }
  const place = r.below(stack.length)
  const { name } = stack[place]!
  if (kind < 75 && stack.length > 1) return { options: `del:${name}`, after: stack.filter((branch) => branch.name !== name) }
  if (kind < 85 && stack.length > 1) {
    const rest = stack.filter((branch) => branch.name !== name)
    const branch = { name, perm: perm(0) }
    return { options: `del:${name},prepend:${name}=${branch.perm}`, after: [branch, ...rest] }
  }
  const changed = { name, perm: perm(place) }
  return { options: `mod:${name}=${changed.perm}`, after: stack.map((branch) => (branch.name === name ? changed : branch)) }
}

for (const options of [['io=cached', 'udba=none'], ['io=cached', 'udba=reval'], ['io=passthrough', 'udba=none'], ['io=cached', 'udba=notify']]) {
  t.test(`seed ${seed}: ${options.join()}`, { skip: NEEDS_ROOT }, async (t) => {
    const r = new Random(seed)
    const live = new Live()
    try {
      await live.begin([...randomBranches(r), ...randomBranches(r)], options)
      let made = 0
      let udba = options[1]!.slice('udba='.length)
      for (let i = 0; i < changes; i++) {
        const steps = Array.from({ length: STEPS }, () => randomStep(r))
        await live.server.run(live.at('mnt'), steps, { keep: true, limitMs: 120_000 })
        if (r.chance(60)) await live.server.ask({ clear: true })
        const other = r.chance(30) ? r.pick(UDBA.filter((each) => each !== udba)) : null
        if (other !== null && udba === 'none') await live.changeDirectly(r)
        const { options, after } = other === null ? randomChange(r, live.stack) : { options: `udba=${other}`, after: live.stack }
        const refusal = await live.change(options)
        if (refusal === '') {
          live.stack = after
          udba = other ?? udba
          made++
        } else if (!/EBUSY/.test(refusal)) t.fail(`${options}: ${refusal}`)
        const differences = await live.differences()
        if (differences.length === 0) continue
        t.fail(`change ${i}, ${options}${refusal === '' ? '' : ' (refused)'}: ${live.stack.map(({ name, perm }) => `${name}=${perm}`).join(':')}`)
        for (const line of differences.slice(0, 10)) t.comment(line)
        break
      }
      t.ok(made >= changes / 2, `${made} changes made`)
    } finally {
      t.same(await live.end(), [], 'nothing is left, nothing was logged')
    }
  })
}
