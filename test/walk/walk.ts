/**
 * A walk: the same steps on a subject and on a plain directory, results compared step by step, trees now and then.
 */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { show, StepServer, type Result, type Step } from '../helpers/steps.js'
import { flatten, OLD, toEntries, toSpecial, type Tree } from '../helpers/tree.js'
import { compareViews, type View } from '../scenario/compare.js'
import { removeTree, unmountAt, type Branch, type Mounted, type Subject } from '../scenario/subjects/subject.js'

/** Branches of a mount with one directory per walker on each, and the plain directories beside it. */
export class Field {
  readonly work = mkdtempSync(join(tmpdir(), 'tsaufs-walk-'))
  readonly mountpoint = join(this.work, 'mnt')
  readonly plain = join(this.work, 'plain')
  readonly subject: Subject
  readonly branches: readonly Branch[]
  mounted: Mounted | null = null

  constructor(subject: Subject) {
    this.subject = subject
    this.branches = ['R', 'L1', 'L2'].map((name, i) =>
      ({ name, perm: i === 0 ? 'rw' : 'ro+wh', path: join(this.work, i === 0 ? 'top' : '', name) }))
    for (const d of [join(this.work, 'top'), this.mountpoint, this.plain, join(this.work, 'top/scratch'), ...this.branches.map((b) => b.path)]) {
      mkdirSync(d)
    }
  }

  /** Lay out a walker's trees, top first, in directory `name`. Before mount(). */
  async build(server: StepServer, name: string, trees: readonly Tree[]): Promise<void> {
    const root = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    const format = this.subject.format ?? 'aufs'
    for (const root of [...this.branches.map((b) => b.path), this.plain]) mkdirSync(join(root, dirname(name)))
    const dirs = this.branches.map((b, i) => [join(b.path, name), [root, ...toEntries(trees[i] ?? {}, format)]])
    await server.ask({ build: [...dirs, [join(this.plain, name), [root, ...toEntries(flatten(trees), 'aufs')]]] })
    for (const b of this.branches.slice(1)) await server.ask({ digest: join(b.path, name), key: `${b.name}/${name}` })
  }

  async mount(): Promise<void> {
    this.mounted = await this.subject.mount({ branches: this.branches, options: [], mountpoint: this.mountpoint, scratch: join(this.work, 'top/scratch') })
  }

  /** Unmount; answers what was left behind. */
  async unmount(): Promise<string[]> {
    const mounted = this.mounted
    this.mounted = null
    return (await mounted?.unmount()) ?? []
  }

  /** What changed on a walker's read-only branches since build(). */
  async changes(server: StepServer, name: string): Promise<string[]> {
    const out: string[] = []
    for (const b of this.branches.slice(1)) {
      const answer = await server.ask({ compare: join(b.path, name), key: `${b.name}/${name}` })
      out.push(...(answer['changes'] as string[]).map((c) => `branch ${b.name} changed: ${c}`))
    }
    return out
  }

  async clean(): Promise<void> {
    if (this.mounted) await this.unmount()
    await unmountAt(this.mountpoint)
    await removeTree(this.work)
  }
}

/** Results that two file systems may give differently: sizes and links of directories, numbers, places on the disk. */
function comparable(result: Result | undefined): string {
  return show(strip(result))
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip)
  if (value === null || typeof value !== 'object') return value
  const o = value as Record<string, unknown>
  if (typeof o['type'] !== 'string' || o['ino'] === undefined) return Object.fromEntries(Object.entries(o).map(([k, v]) => [k, strip(v)]))
  const { type, mode, uid, gid, size, nlink, rdev } = o
  return { type, mode, uid, gid, ...(type === 'dir' ? {} : { size, nlink }), ...(type === 'char' ? { rdev } : {}) }
}

/** One pair of step servers, in one directory of a field. */
export class Walker {
  readonly name: string
  private readonly field: Field
  private readonly a = new StepServer()
  private readonly b = new StepServer()

  /** @param name of a directory in a directory of its own: a symbolic link to `../a` must not lead to what others share */
  constructor(field: Field, name: string) {
    this.field = field
    this.name = name
  }

  build(trees: readonly Tree[]): Promise<void> {
    return this.field.build(this.a, this.name, trees)
  }

  /** Perform steps on both sides; answers the first that gave different results, or null. Open files stay open. */
  async perform(steps: readonly Step[]): Promise<string | null> {
    const [expected, got] = await Promise.all([
      this.a.run(join(this.field.plain, this.name), steps, { keep: true, limitMs: 120_000 }),
      this.b.run(join(this.field.mountpoint, this.name), steps, { keep: true, limitMs: 120_000 }),
    ])
    for (let i = 0; i < steps.length; i++) {
      const want = comparable(expected[i])
      const have = comparable(got[i])
      if (want !== have) return `${i}: ${show(steps[i])}: plain ${want}, ${this.field.subject.name} ${have}`
    }
    return null
  }

  /** Compare the trees; answers what differs. */
  async compare(): Promise<string[]> {
    const view = async (server: StepServer, root: string): Promise<View> =>
      (await server.ask({ snapshot: join(root, this.name) }))['entries'] as View
    const [expected, got] = await Promise.all([view(this.a, this.field.plain), view(this.b, this.field.mountpoint)])
    return compareViews(expected, got, false, { ...this.field.subject.weak, ino: '', fifoMtime: '' })
  }

  /** Close the walker's files on both sides: before an unmount. */
  async closeFiles(): Promise<void> {
    await Promise.all([this.a.ask({ clear: true }), this.b.ask({ clear: true })])
  }

  /** Let the kernel forget what it has cached. */
  async dropCaches(): Promise<void> {
    await this.b.run('/', [['dropcaches']], { keep: true })
  }

  changes(): Promise<string[]> {
    return this.field.changes(this.a, this.name)
  }

  stop(): void {
    this.a.stop()
    this.b.stop()
  }
}

/** What a trial does between two groups of steps. */
export type Pause = 'compare' | 'dropcaches' | 'remount'
export type Item = Step | Pause

/** Walk `items` on a fresh field; answers what went wrong first, or null. */
export async function trial(subject: Subject, trees: readonly Tree[], items: readonly Item[]): Promise<{ problem: string; at: number } | null> {
  const field = new Field(subject)
  const walker = new Walker(field, 'w/tree')
  try {
    await walker.build(trees)
    await field.mount()
    let pending: Step[] = []
    for (const [i, item] of [...items, 'compare' as Pause, 'remount' as Pause].entries()) {
      if (typeof item !== 'string') {
        pending.push(item)
        continue
      }
      const wrong = await walker.perform(pending)
      if (wrong !== null) return { problem: `step ${wrong}`, at: i - pending.length + parseInt(wrong) + 1 }
      pending = []
      if (item === 'dropcaches') await walker.dropCaches()
      if (item === 'remount') {
        await walker.closeFiles()
        const left = await field.unmount()
        if (left.length > 0) return { problem: `unmount: ${left.join('; ')}`, at: i }
        await field.mount()
      }
      const differences = await walker.compare()
      if (differences.length > 0) return { problem: `after ${item}: ${differences.slice(0, 8).join('\n  ')}`, at: i }
    }
    const changes = await walker.changes()
    return changes.length > 0 ? { problem: changes.slice(0, 8).join('\n  '), at: items.length } : null
  } catch (error) {
    return { problem: `the walk broke: ${error instanceof Error ? error.message : String(error)}`, at: items.length }
  } finally {
    walker.stop()
    await field.clean()
  }
}

/** Leave out steps as long as something still goes wrong: what is left is the reproduction. At most `limit` trials. */
export async function shrink(subject: Subject, trees: readonly Tree[], items: readonly Item[], limit = 120): Promise<{ items: Item[]; problem: string } | null> {
  let best: Item[] = [...items]
  let problem: string | null = null
  for (let size = Math.ceil(best.length / 2), left = limit; size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = Math.max(0, best.length - size); left > 0; at -= size) {
      const from = Math.max(0, at)
      const shorter = [...best.slice(0, from), ...best.slice(at + size)]
      left--
      const found = shorter.length < best.length ? await trial(subject, trees, shorter) : null
      if (found) {
        best = shorter.slice(0, Math.max(found.at, 0))
        problem = found.problem
      }
      if (at <= 0) break
    }
  }
  return problem === null ? null : { items: best, problem }
}

/** Leave out what the branches need not hold for the problem to appear. */
export async function shrinkTrees(subject: Subject, trees: readonly Tree[], items: readonly Item[], limit = 120): Promise<Tree[]> {
  let best = [...trees]
  let left = limit
  for (let branch = 0; branch < best.length; branch++) {
    for (const path of paths(best[branch]!).reverse()) {
      if (left-- <= 0) return best
      const shorter = best.map((tree, i) => (i === branch ? without(tree, path) : tree))
      if (await trial(subject, shorter, items)) best = shorter
    }
  }
  return best
}

function paths(tree: Tree, prefix: readonly string[] = []): string[][] {
  return Object.entries(tree).flatMap(([name, e]) => {
    const { children } = toSpecial(e)
    return [...(children ? paths(children, [...prefix, name]) : []), [...prefix, name]]
  })
}

function without(tree: Tree, [name, ...rest]: readonly string[]): Tree {
  const { [name!]: entry, ...others } = tree
  if (entry === undefined || rest.length === 0) return others
  const e = toSpecial(entry)
  return { ...tree, [name!]: { ...e, children: without(e.children ?? {}, rest) } }
}
