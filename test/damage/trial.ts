/**
 * One trial: a union that was used, damage to its branches, and then everything that must still hold:
 *
 *     what was not damaged is as on a plain directory, step by step; no EIO and no trouble in the daemon's log anywhere
 *     read-only branches, and what lies outside, are byte for byte what they were
 *     check finds without falling over, check --repair leaves nothing it could repair, and a mount after it is sound
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StepServer, repositoryRoot, type Step } from '../helpers/steps.js'
import { randomBranches, randomStep } from '../walk/generate.js'
import { Random } from '../walk/random.js'
import { Field, Walker } from '../walk/walk.js'
import { runProgram, type Subject } from '../scenario/subjects/subject.js'
import { damage } from './damage.js'

const PROGRAM = join(repositoryRoot(), 'bin/tsaufs.js')
/** Codes that --repair leaves as they are: it would need to know what was meant. */
const UNREPAIRED = new Set(['aufs-renames', 'unreadable', 'metacopy-dangling'])

export interface Found { readonly code: string; readonly severity: string; readonly path: string; readonly repaired: boolean; readonly detail: string }

/** `tsaufs check`. @throws Error when it says something else than findings */
export async function check(paths: readonly string[], ...flags: readonly string[]): Promise<{ code: number, found: Found[] }> {
  const { code, out, err } = await runProgram([process.execPath, PROGRAM, 'check', '--json', ...flags, ...paths])
  if (code > 1 || err !== '') throw new Error(`check: exit ${code}: ${err}`)
  return { code, found: JSON.parse(Buffer.from(out, 'latin1').toString('utf8')) as Found[] }
}

const text = (found: readonly Found[]): string[] => found.map((f) => `${f.code} ${f.path} ${f.detail}`)
const wrong = (found: readonly Found[]): Found[] => found.filter((f) => f.severity !== 'note')

/** What a trial needs beside a field. */
class Trial {
  readonly problems: string[] = []
  readonly #field: Field
  readonly #server = new StepServer()
  readonly #r: Random
  readonly #outside: string

  constructor(field: Field, seed: number) {
    this.#field = field
    this.#r = new Random(seed)
    this.#outside = join(field.work, 'outside')
    mkdirSync(this.#outside)
    writeFileSync(join(this.#outside, 'file'), 'outside')
  }

  steps(count: number): Step[] {
    return Array.from({ length: count }, () => randomStep(this.#r))
  }

  say(...lines: string[]): void {
    this.problems.push(...lines)
  }

  /** Look at everything in the damaged part; errors that a damaged branch does not excuse are problems. */
  async explore(when: string): Promise<void> {
    const { errors } = await this.#server.ask({ explore: join(this.#field.mountpoint, 'w1') }, 120_000)
    for (const [path, code] of errors as [string, string][]) this.say(`${when}: ${code} at ${path}`)
  }

  /** Change what was damaged; whatever comes of it but EIO is fine. */
  async change(steps: readonly Step[]): Promise<void> {
    const results = await this.#server.run(join(this.#field.mountpoint, 'w1/tree'), steps, { limitMs: 120_000 })
    for (const [i, result] of results.entries()) {
      if (result.e === 'EIO' || result.e === 'EUNKNOWN') this.say(`${result.e} of ${JSON.stringify(steps[i]).slice(0, 200)}`)
    }
  }

  /** What the daemon has written into its log. */
  log(): void {
    const run = join(this.#field.work, 'top/scratch/run')
    for (const name of readdirSync(run).filter((n) => n.startsWith('si_'))) {
      const log = readFileSync(join(run, name, 'log'), 'latin1')
      if (/^\s+at /m.test(log)) this.say(`the log: ${log.slice(0, 1500)}`)
    }
  }

  damage(count: number): string[] {
    const [top, upper] = this.#field.branches
    return [top!, upper!].flatMap(({ path: root }, i) =>
      damage(this.#r, { root, area: 'w1/tree', outside: this.#outside }, i === 0 ? count : count >> 2))
  }

  async remember(): Promise<void> {
    for (const path of this.#fixed()) await this.#server.ask({ digest: path, key: path })
  }

  async compare(): Promise<void> {
    for (const path of this.#fixed()) {
      const { changes } = await this.#server.ask({ compare: path, key: path })
      this.say(...(changes as string[]).map((c) => `${path}: ${c}`))
    }
  }

  /** What nobody may write to. */
  #fixed(): string[] {
    return [...this.#field.branches.slice(1).map((b) => b.path), this.#outside]
  }

  async check(): Promise<void> {
    const before = this.#field.branches.map((b) => b.path)
    await this.#server.ask({ digest: before[0], key: 'top' })
    const { found } = await check(before)
    const { changes } = await this.#server.ask({ compare: before[0], key: 'top' })
    this.say(...(changes as string[]).map((c) => `check wrote: ${c}`))
    const paths = before.map((path) => `${path}=rw`)
    const first = await check(paths, '--repair')
    if (wrong(found).length > 0 && wrong(first.found).length === 0) this.say('found, but not when repairing')
    const left = wrong(first.found).filter((f) => !f.repaired && !UNREPAIRED.has(f.code))
    this.say(...text(left).map((t) => `not repaired: ${t}`))
    const again = await check(paths, '--repair')
    this.say(...text(wrong(again.found).filter((f) => !UNREPAIRED.has(f.code))).map((t) => `found again: ${t}`))
  }

  stop(): void {
    this.#server.stop()
  }
}

/** How much of it. */
export interface Amount { readonly steps: number; readonly deeds: number }

/**
 * Perform a trial.
 * @returns what went wrong, and what was done to the branches
 */
export async function trial(subject: Subject, seed: number, { steps, deeds }: Amount): Promise<{ problems: string[], done: string[] }> {
  const field = new Field(subject)
  const safe = new Walker(field, 'w0/tree')
  const victim = new Walker(field, 'w1/tree')
  const run = new Trial(field, seed)
  let done: string[] = []
  const all = async (when: string): Promise<void> => {
    const differs = await safe.compare()
    run.say(...differs.slice(0, 5).map((d) => `${when}: undamaged: ${d}`))
  }
  const walk = async (when: string): Promise<void> => {
    const failed = await safe.perform(run.steps(steps))
    if (failed !== null) run.say(`${when}: undamaged: step ${failed}`)
    await safe.closeFiles()
  }
  const r = new Random(seed)
  // Its link groups would share the index with those of the other part.
  const trees = randomBranches(r).map(({ links: _, ...tree }) => tree)
  try {
    await safe.build(trees)
    await victim.build(randomBranches(r))
    // Whiteouts are strewn over them, many of which hide nothing.
    await check(field.branches.map((b) => `${b.path}=rw`), '--repair')
    await field.mount()
    await walk('before')
    await victim.perform(run.steps(steps * 2))
    await victim.closeFiles()
    run.say(...(await field.unmount()))
    const { found } = await check(field.branches.map((b) => b.path))
    run.say(...text(wrong(found)).map((t) => `undamaged, but found: ${t}`))
    if (run.problems.length > 0) return { problems: run.problems, done }

    done = run.damage(deeds)
    await run.remember()
    await field.mount()
    await all('after the damage')
    await run.explore('after the damage')
    await run.change(run.steps(steps))
    await walk('after the damage')
    await run.explore('after changes')
    await all('after changes')
    run.log()
    run.say(...(await field.unmount()).map((p) => `after the damage: ${p}`))
    await run.compare()

    await run.check()
    await field.mount()
    await run.explore('after repair')
    await all('after repair')
    run.log()
    run.say(...(await field.unmount()).map((p) => `after repair: ${p}`))
  } catch (error) {
    run.say(`the trial broke: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    for (const one of [safe, victim, run]) one.stop()
    await field.clean()
  }
  return { problems: run.problems, done }
}
