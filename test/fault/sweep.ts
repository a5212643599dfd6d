/**
 * The fault sweep: the n-th call of an operation fails, for every n, and each time it must be as if nothing had happened:
 * the caller got the error, the view is what it was, nothing of ours is left, and the operation succeeds when repeated.
 * Every trial has a directory of its own in one mount; the end is a remount, after which all views are the same.
 */
import { constants } from 'node:os'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DoubledMount } from '../helpers/doubled-mount.js'
import type { CallClass, Report } from '../helpers/native-double.js'
import { show, StepServer, type Result, type Step } from '../helpers/steps.js'
import { OLD, toEntries, type BuildEntry, type Tree } from '../helpers/tree.js'
import { differences, temporaries } from '../helpers/view.js'
import type { View } from '../scenario/compare.js'
import type { FaultRow } from './ops.js'

/** One way of failing. */
export interface FaultMode {
  readonly name: string
  readonly errno: 'EIO' | 'ENOSPC' | 'EMFILE'
  readonly which: CallClass
  /** Only the n-th call fails; else all from it on. */
  readonly once: boolean
  /** The daemon knows nothing of the trial's directory before the operation. */
  readonly cold: boolean
  readonly options: readonly string[]
}

/** What a row must come to without faults. */
interface Truth {
  readonly calls: readonly string[]
  readonly results: readonly Result[]
  readonly before: View
  readonly after: View
  readonly names: readonly string[]
}

/** A trial that was left as it failed: looked at and finished after the remount. */
interface Left {
  readonly label: string
  readonly row: FaultRow
  readonly truth: Truth
  readonly dir: string
  readonly failed: boolean
}

/** The errno of the first step that failed, '' if all went well. */
function errorOf(results: readonly Result[]): string {
  for (const { e, x } of results) if (e !== undefined || x !== undefined) return e ?? `?${x}`
  return ''
}

/** Fields of results that two runs share. */
function comparable(results: readonly Result[]): string {
  return show(results.map(({ v, e }) => e ?? (typeof v === 'object' && v !== null && 'ino' in v ? 'stat' : v ?? null)))
}

/** A whiteout beside what it hides hides nothing any more. */
function isSpent(name: string, names: readonly string[]): boolean {
  return /(^|\/)\.wh\.[^/]*$/.test(name) && names.includes(name.replace(/\.wh\.([^/]*)$/, '$1'))
}

/** `total` numbers from 1, or `limit` of them spread over all, not the same for each `salt`. */
export function sample(total: number, limit: number, salt: number): number[] {
  const all = Array.from({ length: total }, (_, i) => i + 1)
  if (total <= limit) return all
  const step = total / limit
  return Array.from({ length: limit }, (_, i) => 1 + Math.min(total - 1, Math.floor((i + ((salt * 7919) % 97) / 97) * step)))
}

/** Directories made before the mount, for trials; and how many trials use one. */
const PARENTS = 2000
const TRIALS_PER_PARENT = 8

export class Sweep {
  readonly problems: string[] = []
  trials = 0
  readonly #mode: FaultMode
  readonly #limit: number
  readonly #mount = new DoubledMount()
  readonly #server = new StepServer()
  readonly #left: Left[] = []
  #salt = 0
  #places = 0

  /** @param limit at most so many trials per row */
  constructor(mode: FaultMode, limit: number) {
    this.#mode = mode
    this.#limit = limit
  }

  /** Run all rows; what went wrong is in `problems`. */
  async run(rows: readonly FaultRow[]): Promise<void> {
    try {
      for (const branch of [this.#mount.upper, this.#mount.lower]) {
        for (let i = 0; i < PARENTS; i++) mkdirSync(join(branch, `p${i}`))
      }
      await this.#mount.mount(this.#mode.options)
      await this.#settleDaemon()
      for (const row of rows) await this.#sweepRow(row)
      this.problems.push(...(await this.#mount.unmount()))
      await this.#mount.mount(this.#mode.options)
      // A whiteout that could not be removed lies beside what replaced it; the mount may tidy that up.
      const said = this.#mount.said.filter(line => !line.endsWith('kept it'))
      this.problems.push(...said.map(line => `at the remount: ${line}`))
      for (const left of this.#left) await this.#finish(left)
      this.problems.push(...(await this.#mount.unmount()))
    } catch (error) {
      this.problems.push(`the sweep ended: ${error instanceof Error ? error.stack : String(error)}`)
    } finally {
      this.#server.stop()
      await this.#mount.remove()
    }
  }

  /** What the daemon opens once: the base of whiteouts, the link directory. */
  async #settleDaemon(): Promise<void> {
    const dir = await this.#build(this.#place('settle'), { L: { a: 'a', f: 'f', g: { type: 'file', link: 'f' } } })
    await this.#server.run(dir, [['unlink', 'a'], ['chmod', 'f', 0o600]])
  }

  /**
   * A place for a trial, whose trees are laid out on the branches of the live mount: in a directory that has hardly been
   * looked into. With udba=none the union would not see it in one that it knows.
   */
  #place(name: string): string {
    return `p${Math.floor(this.#places++ / TRIALS_PER_PARENT)}/${name}`
  }

  async #build(name: string, row: { readonly R?: Tree; readonly L?: Tree }): Promise<string> {
    const { upper, lower, mountpoint } = this.#mount
    const root: BuildEntry = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    const entries = (tree: Tree | undefined): BuildEntry[] => [root, ...toEntries(tree ?? {}, 'aufs')]
    await this.#server.ask({ build: [[join(upper, name), entries(row.R)], [join(lower, name), entries(row.L)]] })
    await this.#server.ask({ digest: join(lower, name), key: name })
    return join(mountpoint, name)
  }

  async #view(dir: string): Promise<View> {
    return (await this.#server.ask({ snapshot: dir }))['entries'] as View
  }

  async #names(dir: string): Promise<string[]> {
    return (await this.#server.ask({ names: dir }))['names'] as string[]
  }

  async #prepare(name: string, row: FaultRow): Promise<string> {
    const dir = await this.#build(name, row)
    if (row.before !== undefined) {
      const error = errorOf(await this.#server.run(dir, row.before))
      if (error !== '') this.problems.push(`${row.name}: its preparation fails with ${error}`)
    }
    return dir
  }

  async #act(row: FaultRow, dir: string, n: number): Promise<{ results: Result[]; report: Report }> {
    const { which, once } = this.#mode
    await this.#mount.arm({ n, errno: constants.errno[this.#mode.errno], which, once })
    const results = await this.#do(dir, row.act)
    return { results, report: await this.#mount.disarm() }
  }

  /** Steps in `dir`; an errno of entering it is theirs. */
  async #do(dir: string, steps: readonly Step[]): Promise<Result[]> {
    try {
      return await this.#server.run(dir, steps, { limitMs: 20_000 })
    } catch (error) {
      const errno = Number(/\[Errno (\d+)\]/.exec(String(error))?.[1] ?? 0)
      const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0]
      if (name === undefined) throw error
      return [{ e: name }]
    }
  }

  async #truth(row: FaultRow, name: string): Promise<Truth> {
    const untouched = await this.#prepare(this.#place(`${name}-before`), row)
    const before = await this.#view(untouched)
    const place = this.#place(`${name}-truth`)
    const dir = await this.#prepare(place, row)
    if (!this.#mode.cold) await this.#view(dir)
    const { results, report } = await this.#act(row, dir, 0)
    const after = await this.#view(dir)
    const names = await this.#names(join(this.#mount.upper, place))
    return { calls: report.calls, results, before, after, names }
  }

  async #sweepRow(row: FaultRow): Promise<void> {
    const id = `t${this.#salt++}`
    const truth = await this.#truth(row, id)
    for (const n of sample(truth.calls.length, this.#limit, this.#salt)) {
      this.trials++
      await this.#trial(row, truth, this.#place(`${id}-${n}`), n)
    }
  }

  async #trial(row: FaultRow, truth: Truth, name: string, n: number): Promise<void> {
    const { errno } = this.#mode
    const dir = await this.#prepare(name, row)
    const branchDir = join(this.#mount.upper, name)
    const before = this.#mode.cold ? truth.before : await this.#view(dir)
    const namesBefore = await this.#names(branchDir)
    const { results, report } = await this.#act(row, dir, n)
    const label = `${row.name}, call ${n} of ${truth.calls.length} (${report.hits[0] ?? 'not reached'})`
    const say = (what: string): void => { this.problems.push(`${label}: ${what}`) }
    const error = errorOf(results)
    const failed = error !== '' && comparable(results) !== comparable(truth.results)
    if (failed && error !== errno) say(`the caller got ${error}`)
    const [answer, right] = [comparable(results), comparable(truth.results)]
    if (!failed && answer !== right) say(`answered ${answer}, not ${right}`)
    const after = await this.#view(dir)
    const mayEnd = row.mayEndDone === true || (row.lastIsLate === true && n === truth.calls.length)
    const ended = failed && mayEnd && differences(truth.after, after) === ''
    const wrong = failed && !ended ? differences(before, after, !this.#mode.cold) : differences(truth.after, after)
    if (wrong !== '') say(`${failed ? 'after the failure' : 'the failure was not reported, but'}: ${wrong}`)
    if (failed && !ended) for (const text of await this.#residue(row, namesBefore, branchDir)) say(text)
    else {
      for (const text of this.#unlike(row, truth, await this.#names(branchDir))) say(text)
      // What was out of sight already and could not be cleared is left to the next mount.
      await this.#temporaries()
    }
    // A file made without a name is open until the kernel forgets it.
    for (const text of report.stray) if (failed && text !== 'tmpfileAs') say(`descriptor left: ${text}`)
    if (!this.#mount.alive) throw new Error(`${label}: the daemon died`)
    const left = { label, row, truth, dir, failed: failed && !ended }
    if (left.failed && n % 2 === 1) await this.#repeat(left)
    else this.#left.push(left)
  }

  /** Names on the writable branch that a failed operation may not leave: all but complete copies of what is below. */
  async #residue(row: FaultRow, before: readonly string[], branchDir: string): Promise<string[]> {
    const after = await this.#names(branchDir)
    const lower = new Set(toEntries(row.L ?? {}, 'aufs').map(([path]) => path))
    const problems = before.filter(name => !after.includes(name)).map(name => `gone from the branch: ${name}`)
    for (const name of after) if (!before.includes(name) && !lower.has(name)) problems.push(`left on the branch: ${name}`)
    return [...problems, ...(await this.#temporaries())]
  }

  async #temporaries(): Promise<string[]> {
    const left = temporaries(await this.#names(this.#mount.upper))
    // The next trial shall not be blamed for it.
    for (const name of left) rmSync(join(this.#mount.upper, name), { recursive: true, force: true })
    return left.map(name => `left on the branch: ${name}`)
  }

  /** A success leaves on the branch what it always leaves, or a copy more. */
  #unlike(row: FaultRow, truth: Truth, names: readonly string[]): string[] {
    const lower = new Set(toEntries(row.L ?? {}, 'aufs').map(([path]) => path))
    return [
      ...truth.names.filter(name => !names.includes(name) && !lower.has(name)).map(name => `missing on the branch: ${name}`),
      ...names.filter(name => !truth.names.includes(name) && !lower.has(name) && !isSpent(name, names))
        .map(name => `left on the branch: ${name}`),
    ]
  }

  /** Do again what failed: it succeeds, as if it had not been tried before. */
  async #repeat({ label, row, truth, dir, failed }: Left): Promise<void> {
    if (failed) {
      const results = await this.#do(dir, row.act)
      if (comparable(results) !== comparable(truth.results)) {
        this.problems.push(`${label}: repeated, it answers ${comparable(results)}, not ${comparable(truth.results)}`)
      }
    }
    const wrong = differences(truth.after, await this.#view(dir))
    if (wrong !== '') this.problems.push(`${label}: repeated: ${wrong}`)
    const name = dir.slice(this.#mount.mountpoint.length + 1)
    const unlike = this.#unlike(row, truth, await this.#names(join(this.#mount.upper, name)))
    for (const text of unlike) this.problems.push(`${label}: repeated: ${text}`)
    const { changes } = await this.#server.ask({ compare: join(this.#mount.lower, name), key: name })
    for (const change of changes as string[]) this.problems.push(`${label}: the lower branch changed: ${change}`)
  }

  /** After the remount: the same view again, then the rest of the trial. */
  async #finish(left: Left): Promise<void> {
    const { truth, failed, dir, label } = left
    const want = failed ? truth.before : truth.after
    const wrong = differences(want, await this.#view(dir))
    if (wrong !== '') this.problems.push(`${label}: after a remount: ${wrong}`)
    await this.#repeat(left)
  }
}
