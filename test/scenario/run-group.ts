/**
 * Runs rows that share a mount: each in a directory of its own, present on every branch. One mount for all of them, the
 * checks, one remount, the checks again.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge, StepServer, type Step } from '../helpers/steps.js'
import { flatten, OLD, toEntries, type BuildEntry } from '../helpers/tree.js'
import { compareTop, compareTree, compareViews, type View } from './compare.js'
import { DEFAULT_MOUNT, type Row } from './row.js'
import { mountsAt, openFiles, removeTree, runProgram, unmountAt, until, type Branch, type Mounted, type Subject } from './subjects/subject.js'

/** A row's outcome: nothing wrong if `problems` is empty. */
export interface Outcome {
  readonly row: Row
  readonly problems: string[]
  view: View | null
}

/** A group's: the rows', and what concerns the mount as a whole. */
export interface GroupOutcome {
  readonly rows: Outcome[]
  readonly problems: string[]
}

/** Descriptors a daemon may keep (branch roots, bounded caches) beyond those it had when it had just started. */
const FD_ALLOWANCE = 4096

/** Rows by the mount they need, in the order they come. */
export function groupRows(rows: readonly Row[]): Row[][] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = row.alone ? `alone ${row.name}` : `${row.mount ?? DEFAULT_MOUNT} ${row.tmpfs ?? ''}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups.values()]
}

/** Run one group on one subject. `truth` has the plain directory's views by row name. */
export async function runGroup(subject: Subject, rows: readonly Row[], truth: ReadonlyMap<string, View>): Promise<GroupOutcome> {
  const run = new GroupRun(subject, rows, truth)
  try {
    await run.prepare()
    await run.perform()
  } catch (error) {
    run.outcome.problems.push(error instanceof Error ? error.message : String(error))
  } finally {
    await run.clean()
  }
  return run.outcome
}

class GroupRun {
  readonly outcome: GroupOutcome
  private readonly server = new StepServer()
  private readonly work: string
  private readonly mountpoint: string
  private readonly branches: readonly Branch[]
  private readonly options: readonly string[]
  private readonly tmpfs: string | undefined
  private readonly subject: Subject
  private readonly truth: ReadonlyMap<string, View>
  private mounted: Mounted | null = null

  constructor(subject: Subject, rows: readonly Row[], truth: ReadonlyMap<string, View>) {
    this.subject = subject
    this.truth = truth
    this.outcome = { rows: rows.map((row) => ({ row, problems: [], view: null })), problems: [] }
    this.work = mkdtempSync(join(tmpdir(), 'tsaufs-scenario-'))
    const [dirs, ...options] = (rows[0]!.mount ?? DEFAULT_MOUNT).split(',')
    this.options = options
    this.tmpfs = rows[0]!.tmpfs
    // The top branch is one level down: its file system also holds the scratch (overlayfs's workdir).
    this.branches = dirs!.split(':').map((text, i) => {
      const [name = '', ...perm] = text.split('=')
      return { name, perm: perm.join('='), path: join(this.work, i === 0 ? 'top' : '', name) }
    })
    this.mountpoint = subject.format === null ? join(this.work, 'top/plain') : join(this.work, 'mnt')
  }

  async prepare(): Promise<void> {
    mkdirSync(join(this.work, 'top'))
    if (this.tmpfs !== undefined) {
      // Of the plain directory the size is not the point; it is given room.
      const size = this.subject.format === null ? '64m' : this.tmpfs
      const { code, err } = await runProgram(['mount', '-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', join(this.work, 'top')])
      if (code !== 0) throw new Error(err)
    }
    for (const d of [this.mountpoint, join(this.work, 'top/scratch'), ...this.branches.map((b) => b.path)]) mkdirSync(d)
    for (const outcome of this.outcome.rows) {
      try {
        await this.buildRow(outcome.row)
      } catch (error) {
        outcome.problems.push(`build: ${String(error)}`)
      }
    }
  }

  private async buildRow(row: Row): Promise<void> {
    const root: BuildEntry = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    const trees = this.branches.map((b) => row.given[b.name] ?? {})
    const format = this.subject.format
    if (format === null) {
      await this.server.ask({ build: [[join(this.mountpoint, this.rowDir(row)), [root, ...toEntries(flatten(trees), 'aufs')]]] }, 300_000)
      return
    }
    const dirs = this.branches.map((b, i) => [join(b.path, this.rowDir(row)), [root, ...toEntries(trees[i]!, format)]])
    await this.server.ask({ build: dirs }, 300_000)
    for (const b of this.readOnlyBranches()) {
      await this.server.ask({ digest: join(b.path, this.rowDir(row)), key: `${b.name}/${this.rowDir(row)}` }, 300_000)
    }
  }

  async perform(): Promise<void> {
    await this.mount()
    const pid = this.mounted!.pid
    const before = pid === null ? 0 : openFiles(pid).count
    for (const outcome of this.outcome.rows) if (outcome.problems.length === 0) await this.runRow(outcome)
    if (pid !== null) await this.checkDescriptors(pid, before)
    await this.unmount()
    if (this.subject.format === null) return
    await this.checkBranches()
    await this.mount()
    for (const outcome of this.outcome.rows) if (outcome.view) await this.checkAfterRemount(outcome)
    await this.unmount()
  }

  private async mount(): Promise<void> {
    this.mounted = await this.subject.mount({
      branches: this.branches, options: this.options, mountpoint: this.mountpoint, scratch: join(this.work, 'top/scratch'),
    })
  }

  private async unmount(): Promise<void> {
    this.outcome.problems.push(...(await this.mounted!.unmount()))
    this.mounted = null
    if (mountsAt(this.mountpoint).length > 0) this.outcome.problems.push('still mounted')
  }

  private async runRow(outcome: Outcome): Promise<void> {
    const { row, problems } = outcome
    const cwd = join(this.mountpoint, this.rowDir(row))
    const limitMs = row.limitMs ?? 30_000
    try {
      const steps = this.withPaths(row.steps, row)
      problems.push(...judge(row.steps, await this.server.run(cwd, steps, { limitMs })))
      outcome.view = await this.view(row)
      if (row.merged) problems.push(...compareTree(row.merged, outcome.view))
      const wanted = this.subject.format === null ? undefined : row.top?.[this.subject.format]
      if (wanted) {
        const { names } = await this.server.ask({ names: join(this.branches[0]!.path, this.rowDir(row)) })
        problems.push(...compareTop(wanted, names as string[]))
      }
      const truth = row.unlikePlain === undefined && row.only === undefined ? this.truth.get(row.name) : undefined
      if (truth) problems.push(...compareViews(truth, outcome.view, false, { ...this.subject.weak, ino: '' }).map((p) => `unlike plain: ${p}`))
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error))
      // The server may be stuck in a call on the mount; it has been killed, and only this frees it.
      if (String(error).includes('no answer')) {
        if (this.subject.format !== null) await unmountAt(this.mountpoint)
        throw new Error(`row "${row.name}" hung; the rest of its group was not run`)
      }
    }
  }

  /** `@R/x` in a step is x in the row's directory on branch R. */
  private withPaths(steps: readonly Step[], row: Row): Step[] {
    const replace = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(replace)
      if (typeof value !== 'string' || !value.startsWith('@')) return value
      const branch = this.branches.find((b) => value.startsWith(`@${b.name}/`))
      return branch ? join(branch.path, this.rowDir(row), value.slice(branch.name.length + 2)) : value
    }
    return replace(steps) as Step[]
  }

  private async view(row: Row): Promise<View> {
    const answer = await this.server.ask({ snapshot: join(this.mountpoint, this.rowDir(row)) }, 300_000)
    return answer['entries'] as View
  }

  private async checkAfterRemount({ row, problems, view }: Outcome): Promise<void> {
    try {
      const again = await this.view(row)
      problems.push(...compareViews(view!, again, true, this.subject.weak).map((p) => `after remount: ${p}`))
    } catch (error) {
      problems.push(`after remount: ${String(error)}`)
    }
  }

  private readOnlyBranches(): readonly Branch[] {
    return this.branches.filter((b) => !b.perm.startsWith('rw'))
  }

  private async checkBranches(): Promise<void> {
    for (const b of this.readOnlyBranches()) {
      for (const { row, problems, view } of this.outcome.rows) {
        if (view === null || row.branchesChange) continue
        const answer = await this.server.ask({ compare: join(b.path, this.rowDir(row)), key: `${b.name}/${this.rowDir(row)}` }, 300_000)
        problems.push(...(answer['changes'] as string[]).map((c) => `branch ${b.name} changed: ${c}`))
      }
    }
  }

  /** Once the kernel has forgotten what it cached, no deleted file may be held, and only bounded caches stay open. */
  private async checkDescriptors(pid: number, before: number): Promise<void> {
    await this.server.run('/', [['dropcaches']])
    const held = (): readonly string[] => openFiles(pid).nameless
    if (!(await until(() => held().length === 0))) this.outcome.problems.push(`deleted files held: ${held().slice(0, 5).join(' ')}`)
    const after = openFiles(pid).count
    if (after > before + FD_ALLOWANCE) this.outcome.problems.push(`open descriptors: ${before} before the rows, ${after} after`)
  }

  async clean(): Promise<void> {
    if (this.mounted) this.outcome.problems.push(...(await this.mounted.unmount()))
    this.server.stop()
    await unmountAt(this.mountpoint)
    if (this.tmpfs !== undefined) await runProgram(['umount', '-l', join(this.work, 'top')])
    await removeTree(this.work)
    rmSync(this.work, { recursive: true, force: true })
  }

  private rowDir(row: Row): string {
    return `r${this.outcome.rows.findIndex((o) => o.row === row)}`
  }
}
