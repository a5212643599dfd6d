/**
 * Several unions over shared branches, side by side in one directory: branch `R` at `R`, mount `m` at `m`. Many cases run on
 * one bed, each in a directory of its own that is on every branch; so `m/f` in a step of case 3 is `m/c3/f`.
 */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { judge, StepServer, type Saved, type Step } from '../helpers/steps.js'
import { askDaemon } from './ask.js'
import { OLD, toEntries, type BuildEntry, type Tree } from '../helpers/tree.js'
import { mountUnion } from '../scenario/subjects/tsaufs.js'
import { removeTree, runProgram, unmountAt, type Mounted } from '../scenario/subjects/subject.js'

/** How the kernel and we may keep things. */
export interface Mode {
  readonly io: 'cached' | 'passthrough'
  readonly udba: 'none' | 'reval' | 'notify'
  /** What `notify` watches with. */
  readonly watch?: 'fanotify' | 'inotify'
  /** What `udba` was when the mount began and met what is there, if another. */
  readonly began?: readonly Mode['udba'][]
  /** The daemons have hardly any descriptors: a `forget` step makes them close what they keep. */
  readonly few: boolean
}

/** Every combination, or those with this `udba`. */
export function modes(udba?: Mode['udba']): Mode[] {
  return [false, true].flatMap((few) => (['cached', 'passthrough'] as const).flatMap((io) =>
    (udba === undefined ? ['none', 'reval'] as const : [udba]).flatMap((each): Mode[] => each === 'notify'
      ? (['fanotify', 'inotify'] as const).map((watch) => ({ io, udba: each, watch, few }))
      : [{ io, udba: each, few }])))
}

/** As a test's name. */
export const nameOf = ({ io, udba, watch, few, began = [] }: Mode): string =>
  `io=${io}, udba=${[...began, udba].join(', then ')}${watch === undefined ? '' : ` by ${watch}`}${few ? ', few descriptors' : ''}`

export interface Case {
  readonly name: string
  /** Branch trees by branch. */
  readonly given: Readonly<Record<string, Tree>>
  /** Steps as in a scenario row, and `['forget', n]` with another n each time. */
  readonly steps: readonly Step[]
  /** Branches that must be byte for byte as they were. */
  readonly intact?: readonly string[]
}

/** What a bed is made of: branches from top to bottom, aufs's grammar, by mount. */
export type Mounts = Readonly<Record<string, string>>

/** Descriptors of a daemon with few; it keeps a quarter of them for each of its caches. */
const FEW = 128
const FORGETS = 3

/** More files, each in its own directory, than a daemon with few descriptors can keep. */
const crowd: Tree = Object.fromEntries(Array.from({ length: FEW / 2 }, (_, i) => [`d${i}`, { f: 'F' }]))

/** Names that the cases make. */
const MISSING = ['n', 'n1', 'n2', 'n3', 'x', 'new', 'made']

class Bed {
  readonly #work = mkdtempSync(join(tmpdir(), 'tsaufs-cache-'))
  readonly #server = new StepServer()
  readonly #mode: Mode
  readonly #mounts: Mounts
  readonly #branches: readonly string[]
  readonly #mounted: Mounted[] = []
  readonly #ramfs: readonly string[]

  constructor(mode: Mode, mounts: Mounts, ramfs: readonly string[]) {
    this.#ramfs = ramfs
    this.#mode = mode
    this.#mounts = mounts
    this.#branches = [...new Set(Object.values(mounts).flatMap((dirs) => dirs.split(':').map((dir) => dir.split('=')[0]!)))]
    for (const name of [...this.#branches, ...Object.keys(mounts)]) mkdirSync(join(this.#work, name))
  }

  async build(cases: readonly Case[]): Promise<void> {
    for (const name of this.#ramfs) {
      const { code, err } = await runProgram(['mount', '-t', 'ramfs', 'ramfs', join(this.#work, name)])
      if (code !== 0) throw new Error(err)
    }
    const root: BuildEntry = ['', { type: 'dir', mode: 0o755, mtime: OLD }]
    for (const branch of this.#branches) {
      const crowds = Object.fromEntries(Array.from({ length: FORGETS }, (_, i) => [`crowd${i}`, crowd]))
      await this.#server.ask({ build: [[join(this.#work, branch), [root, ...toEntries(crowds, 'aufs')]]] })
      for (const [i, { given }] of cases.entries()) {
        const entries = toEntries(given[branch] ?? {}, 'aufs')
        await this.#server.ask({ build: [[join(this.#work, branch, `c${i}`), [root, ...entries]]] })
      }
    }
  }

  async mount(): Promise<void> {
    const { io, udba: last, watch, few, began } = this.#mode
    const [udba = last, ...others] = [...began ?? [], last]
    for (const [name, dirs] of Object.entries(this.#mounts)) {
      const branches = dirs.split(':').map((dir) => {
        const [branch, perm] = dir.split('=') as [string, string]
        return { name: branch, path: join(this.#work, branch), perm }
      })
      const setup = { branches, options: [`io=${io}`, `udba=${udba}`, ...(watch === undefined ? [] : [`watch=${watch}`])], mountpoint: join(this.#work, name), scratch: join(this.#work, `${name}.run`) }
      this.#mounted.push(await mountUnion(setup, few ? FEW : 0))
      for (const other of others) await this.#change(name, other)
    }
  }

  /** What is there and what is not has been asked for, then `udba` becomes another. */
  async #change(mount: string, udba: Mode['udba']): Promise<void> {
    const everything = `ls -lR ${mount}; find ${mount} -type f -exec cat {} +; for d in $(find ${mount} -type d); do stat ${MISSING.map((name) => `$d/${name}`).join(' ')}; done`
    await this.#server.run(this.#work, [['exec', 'sh', '-c', `(${everything}) >/dev/null 2>&1; true`]])
    await askDaemon(join(this.#work, `${mount}.run`, 'run'), 'remount', { options: `udba=${udba}`, cwd: '/' })
  }

  /** Run a case; answers what was not as expected. */
  async run(one: Case, index: number): Promise<string[]> {
    const intact = (one.intact ?? []).map((branch) => join(this.#work, branch, `c${index}`))
    for (const path of intact) await this.#server.ask({ digest: path, key: path })
    const steps = this.#steps(one, index)
    const saved: Saved = new Map()
    const problems = judge(steps, await this.#server.run(this.#work, steps), saved)
    for (const path of intact) {
      const { changes } = await this.#server.ask({ compare: path, key: path })
      problems.push(...(changes as string[]).map((change) => `not intact: ${change}`))
    }
    return problems
  }

  #steps(one: Case, index: number): Step[] {
    const names = [...this.#branches, ...Object.keys(this.#mounts)]
    const replace = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(replace)
      if (typeof value !== 'string') return value
      const [, up, first, rest] = /^((?:\.\.\/)*)([^/]+)\/(.*)$/s.exec(value) ?? []
      return first !== undefined && names.includes(first) ? `${up}${first}/c${index}/${rest}` : value
    }
    return one.steps.flatMap((step): Step[] => {
      if (step[0] === 'forget') return this.#forget(Number(step[1]))
      if (step[0] !== 'parallel') return [replace(step) as Step, ...this.#settle(step)]
      return [['parallel', ...(step.slice(1) as Step[][]).map((list) => list.flatMap((each) => [replace(each) as Step, ...this.#settle(each)]))]]
    })
  }

  /** With udba=notify what is changed on a branch shows a moment later: wait for that after steps elsewhere than in `m`. */
  #settle(step: Step): Step[] {
    const direct = step.some((word) => typeof word === 'string' && word.includes('/') && !/^(\.\.\/)*m\//.test(word))
    if (this.#mode.udba !== 'notify' || !direct) return []
    return Object.keys(this.#mounts).map((mount) => ['settle', join(this.#work, `${mount}.run`, 'run')])
  }

  #forget(n: number): Step[] {
    if (!this.#mode.few) return []
    return Object.keys(this.#mounts).map((name) => ['exec', 'sh', '-c', `cat ${name}/crowd${n}/*/f >/dev/null`])
  }

  /** Unmount and remove everything; answers what was left behind. */
  async clear(): Promise<string[]> {
    const problems: string[] = []
    this.#server.stop()
    for (const mounted of this.#mounted.reverse()) problems.push(...(await mounted.unmount()))
    for (const name of Object.keys(this.#mounts)) await unmountAt(join(this.#work, name))
    for (const name of this.#ramfs) await runProgram(['umount', join(this.#work, name)])
    await removeTree(this.#work)
    return problems
  }
}

/**
 * Run all cases on one bed, as subtests of `t`.
 * @param ramfs branches that lie on a file system whose times are as coarse as the kernel's tick
 */
export async function runCases(
  t: Test, mode: Mode, mounts: Mounts, cases: readonly Case[], ramfs: readonly string[] = [],
): Promise<void> {
  const bed = new Bed(mode, mounts, ramfs)
  try {
    await bed.build(cases)
    await bed.mount()
    for (const [i, one] of cases.entries()) t.same(await bed.run(one, i), [], one.name)
  } finally {
    t.same(await bed.clear(), [], 'nothing is left')
  }
}
