/**
 * Changes of a live mount, one after the other: prepared beside the daemon, then made in one step between two requests.
 * Source: union-semantics 1.2.
 */
import { Errno } from '../../os/errno.js'
import { formatBranch, specOf } from '../../config/branches.js'
import type { MountConfig } from '../../config/config.js'
import { MountError, usage } from '../../config/mount-error.js'
import { blockers, type Blocker, type Outlook } from '../../union/stack/blockers.js'
import { NextStack, type WantedBranch } from '../../union/stack/next.js'
import type { Plan, PlannedBranch } from '../../union/stack/plan.js'
import { copiesUnderWay, distrustKept, restack } from '../../union/stack/restack.js'
import { Survey } from '../../union/stack/survey.js'
import type { Union } from '../../union/union.js'
import type { Served } from '../answers.js'
import type { Question } from '../control.js'
import { readMountinfo } from '../mountinfo.js'
import { aside, type MountState } from '../aside.js'
import { follow } from '../follow.js'
import { stackChanges } from './changes.js'
import type { Use } from './in-use.js'
import { refuseThrough, type Prepared } from './prepare.js'

/** A use that is in the way, for people and programs. */
export interface BlockingUse {
  readonly branch: string
  readonly path: string
  /** 0 when the kernel itself is the user (io=passthrough). */
  readonly pid: number
  readonly command: string
  readonly how: string
}

/** What a remount has done. */
export interface Remounted {
  readonly branches: readonly string[]
  /** Warnings and repairs, a sentence each. */
  readonly lines: readonly string[]
}

/** What one would do. */
export interface Planned extends Remounted, Plan {
  readonly blocks: readonly BlockingUse[]
}

/** Nodes that go on without a name beyond those in use as far as we can see: so many, in parts of what may be open. */
const HOLD_SHARE = 8

export class Remounter {
  readonly #served: Served
  /** The kernel takes no writes. */
  #kernelReadOnly: boolean
  #last: Promise<unknown> = Promise.resolve()

  constructor(served: Served, kernelReadOnly: boolean) {
    this.#served = served
    this.#kernelReadOnly = kernelReadOnly
  }

  /**
   * Change the mount by `options` and `cwd` of the question; with `plan` only say what would change.
   * @throws MountError; nothing has changed then
   */
  remount(question: Question): Promise<Remounted | Planned> {
    return this.#alone(async () => {
      const { dropIn, mountpoint } = this.#served.config
      if (dropIn === true) throw usage(`remount ${mountpoint}`, "it is an engine's mount, and stays as the engine made it", 'EOPNOTSUPP')
      const planned = question['plan'] === true
      const prepared = await aside('prepare', { state: this.#state(), ...wordsOf(question), plan: planned })
      this.#checkIo(prepared.settings.io)
      this.#checkWatch(prepared.settings)
      return planned ? this.#foresee(prepared) : this.#carryOut(prepared)
    })
  }

  /** What forbids deleting the branch with path `branch`. @throws MountError ENOENT if it is none */
  busy(question: Question): Promise<BlockingUse[]> {
    return this.#alone(async () => {
      const { union, dev } = this.#served
      const path = text(question, 'branch')
      if (!union.branches.some(({ spec }) => spec.path === path)) throw usage(`branch ${path}`, 'it is no branch of this mount', 'ENOENT')
      const { uses } = await aside('inUse', { dev })
      const rest = union.branches.filter(({ spec }) => spec.path !== path)
      return blockingUses(blockersOf(union, outlook(union, rest, union.config.readOnly), uses), uses)
    })
  }

  #foresee({ plan, branches, readOnly, warnings, uses }: Prepared): Planned {
    const { union } = this.#served
    const wanted = branches.map(({ id, text: branch }) => ({ id, spec: specOf(branch) }))
    return {
      branches: branches.map((branch) => branch.text), lines: warnings, ...plan!,
      blocks: blockingUses(blockersOf(union, outlook(union, wanted, readOnly), uses), uses),
    }
  }

  /** Questions that change something wait for each other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #state(): MountState {
    const { union, dev } = this.#served
    const { flags, branches: _, ...config } = union.config
    const branches = union.branches.map(({ id, spec }) => ({ id, text: formatBranch(spec) }))
    return { dev, mountpoint: config.mountpoint, config, flags: [...flags], branches }
  }

  async #carryOut(prepared: Prepared): Promise<Remounted> {
    const { union, dev } = this.#served
    const wanted = prepared.branches.map(({ id, text: branch, changed }) => ({ id, changed, spec: specOf(branch) }))
    const config: MountConfig = {
      ...union.config, ...prepared.settings, readOnly: prepared.readOnly, branches: wanted.map(({ spec }) => spec),
    }
    const writable = !config.readOnly && config.branches.some(({ perm }) => perm === 'rw')
    const mounts = readMountinfo()
    for (const { id, spec } of wanted) if (id === null) refuseThrough(spec.path, dev, mounts)
    const endsTrust = this.#endsTrust(config)
    // To no effect, but to be told now if it is forbidden.
    if (endsTrust) await aside('forgetMissing', { state: this.#state() })
    const before = this.#kernelReadOnly
    if (config.readOnly !== union.config.readOnly || (writable && before)) await this.#setReadOnly(!writable)
    try {
      for (let copies = copiesUnderWay(union); copies !== null; copies = copiesUnderWay(union)) await copies
      const stack = union.branches.map(({ id, spec }) => ({ id, spec }))
      const was = union.config
      const lines = this.#change(wanted, config, prepared)
      follow(this.#served, was)
      await this.#publish()
      if (was.udba !== 'reval' && was.udba !== config.udba) await this.#distrustOnceMore(endsTrust)
      if (union.listener !== null) for (const event of stackChanges(stack, union.branches)) union.listener(event)
      // Where nothing can be written any more opens for writing are refused, unless there are some already.
      if (!writable && !this.#kernelReadOnly) await this.#setReadOnly(true).catch(() => undefined)
      return { branches: union.branches.map(({ spec }) => formatBranch(spec)), lines }
    } catch (error) {
      if (this.#kernelReadOnly !== before) await this.#setReadOnly(before)
      throw error
    }
  }

  /** The step: nothing has changed when it throws. @returns repairs */
  #change(wanted: readonly WantedBranch[], config: MountConfig, { warnings, uses }: Prepared): string[] {
    const { union, stale } = this.#served
    const lines = [...warnings]
    this.#checkOpens(config)
    this.#withNext(wanted, config, lines, (next) => {
      const blocked = blockersOf(union, next, uses)
      if (blocked.length > 0) throw refusal(blocked, uses)
      const used = new Set(uses.map(({ ino }) => ino))
      let budget = union.fileLimit / HOLD_SHARE
      const survey = new Survey(union, next, (node) => used.has(node.ino) || budget-- > 0)
      restack(union, next, survey, stale)
      return true
    })
    return lines
  }

  /** Open a stack, use it, and close it unless it has become the union's. */
  #withNext<T>(wanted: readonly WantedBranch[], config: MountConfig, lines: string[], use: (next: NextStack) => T): T {
    const { union } = this.#served
    let next: NextStack | undefined
    try {
      next = NextStack.open(union, wanted, config, (line) => lines.push(line))
      return use(next)
    } catch (error) {
      throw error instanceof Errno ? asRefusal(error) : error
    } finally {
      if (next !== undefined && next.branches !== union.branches) next.abandon(union)
    }
  }

  /** A kernel that has been told not to ask at open cannot be made to. @throws MountError */
  #checkOpens({ branches }: MountConfig): void {
    const { union } = this.#served
    for (const { path, copyOnOpen } of branches) {
      const unseen = copyOnOpen === 'all' ? union.noOpen || union.noOpendir : copyOnOpen !== 'none' && union.noOpen
      if (!unseen) continue
      throw usage(`branch ${path}`, `+${copyOnOpen === 'moo' ? 'moo' : `coo_${copyOnOpen}`} works only if a branch has had it since the mount began; mount anew`, 'EOPNOTSUPP')
    }
  }

  /** Whether files are passed through is agreed on when the mount begins (INIT). @throws MountError */
  #checkIo(io: MountConfig['io'] | undefined): void {
    if (io !== 'passthrough' || this.#served.union.passthrough.active) return
    throw usage("option 'io=passthrough'", 'the mount began without it, and the kernel will not ask at open; unmount, and mount anew with it', 'EOPNOTSUPP')
  }

  /** What watches cannot be exchanged while it is needed. @throws MountError */
  #checkWatch({ watch, udba }: Partial<MountConfig>): void {
    if (watch === undefined || udba !== undefined || this.#served.union.config.udba !== 'notify') return
    throw usage(`option 'watch=${watch}'`, 'the branches are being watched; give udba=reval first, then udba=notify with it', 'EOPNOTSUPP')
  }

  /** Do caches end that the kernel was to keep without being told of changes, so that it must forget what is missing? */
  #endsTrust({ udba }: MountConfig): boolean {
    const { union } = this.#served
    return union.beganTrusting && union.config.udba === 'none' && udba !== 'none'
  }

  async #publish(): Promise<void> {
    const { union, stale, rundir, watching } = this.#served
    rundir.update(union.branches)
    watching.after()
    await stale.flush()
  }

  /** What a process was about to be told at the change, and has taken in since, is not to be kept either. */
  async #distrustOnceMore(missing: boolean): Promise<void> {
    const { union, stale } = this.#served
    if (missing) await aside('forgetMissing', { state: this.#state() })
    distrustKept(union, stale)
    await stale.flush()
  }

  async #setReadOnly(readOnly: boolean): Promise<void> {
    if (readOnly === this.#kernelReadOnly) return
    await aside('setReadOnly', { state: this.#state(), readOnly })
    this.#kernelReadOnly = readOnly
  }
}

function text(question: Question, field: string): string {
  const value = question[field]
  if (typeof value === 'string') return value
  throw usage(`field '${field}'`, 'a text is needed')
}

const wordsOf = (question: Question): { options: string, cwd: string } => (
  { options: text(question, 'options'), cwd: text(question, 'cwd') }
)

/** A stack as far as it can be told without opening anything. */
function outlook(union: Union, wanted: readonly PlannedBranch[], readOnly: boolean): Outlook {
  return {
    map: union.branches.map(({ id }) => wanted.findIndex((branch) => branch.id === id)),
    branches: wanted.map(({ spec }) => ({ writable: spec.perm === 'rw' && !readOnly })),
  }
}

function blockersOf(union: Union, next: Outlook, uses: readonly Use[]): Blocker[] {
  const byIno = new Map<number, Use['how'][]>()
  for (const { ino, how } of uses) byIno.set(ino, [...(byIno.get(ino) ?? []), how])
  return blockers(union, next, (ino) => byIno.get(ino) ?? [])
}

/** Every use that is in the way. */
function blockingUses(blocked: readonly Blocker[], uses: readonly Use[]): BlockingUse[] {
  return blocked.flatMap(({ ino, path, branch, uses: kinds }): BlockingUse[] => {
    const found = uses.filter((use) => use.ino === ino && (kinds === null || kinds.includes(use.how)))
    if (found.length === 0) return [{ branch, path, pid: 0, command: '', how: 'passed through' }]
    return found.map(({ pid, command, how }) => ({ branch, path, pid, command, how }))
  })
}

function refusal(blocked: readonly Blocker[], uses: readonly Use[]): MountError {
  const all = blockingUses(blocked, uses)
  const [{ branch, path, pid, command, how }] = all as [BlockingUse]
  const who = pid === 0 ? 'the kernel (io=passthrough)' : `process ${pid} (${command})`
  const more = all.length === 1 ? '' : ` and ${all.length - 1} more`
  return new MountError(`branch ${branch}`, 'EBUSY', `${path} is in use by ${who} as ${how}${more}; 'tsaufs busy ${branch}' shows who`)
}

/** A branch that could not be opened or read. */
function asRefusal(error: Errno): MountError {
  const advice = error.code === 'EBUSY' && error.syscall === 'flock'
    ? 'another mount writes to it; unmount that one, or give it as =ro'
    : `${error.syscall} failed; nothing has changed`
  return new MountError(`branch ${error.path}`, error.code, advice, undefined, { cause: error })
}
