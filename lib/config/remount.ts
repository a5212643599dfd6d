/**
 * Options of a live mount: read from left to right against what the mount is now. What is so already is done already
 * (aufs remount); what cannot change while it is mounted is refused. Source: union-semantics 1.2.
 */
import type { Bytes } from '../os/native.js'
import { BranchList, formatBranch, parseBranchList, type Defaults, type TypedBranch } from './branches.js'
import type { BranchSpec, MountConfig } from './config.js'
import { newDraft, type Settings } from './draft.js'
import { OPTIONS_BY_NAME } from './options.js'
import { applyWord, splitWords, type Word } from './parse.js'
import { usage, MountError } from './mount-error.js'

/** A branch of a live mount. */
export interface LiveSpec {
  readonly id: number
  readonly spec: BranchSpec
}

/** A branch as it is to be: of the mount, by its id, or a new one. */
export interface Wanted {
  readonly id: number | null
  readonly spec: BranchSpec
  readonly changed: boolean
}

/** What a remount asks for. */
export interface ParsedRemount {
  readonly branches: readonly Wanted[]
  /** Options that change, and only those. */
  readonly settings: Partial<Settings>
  readonly readOnly: boolean
  readonly warnings: readonly string[]
}

/** What mount(8) hands on from /proc/mounts, and what matters only when a mount begins. */
const PASSED_ON: ReadonlySet<string> = new Set(['remount', 'user_id', 'group_id', 'rootmode', 'max_read', 'blksize', 'fd', 'spare', 'allow_other'])

/** True if a mount's options ask for a change of a live one. */
export function asksRemount(options: Bytes): boolean {
  return splitWords(options).some((word) => word.text === 'remount')
}

/** The branches of a live mount while options change them. */
class LiveBranches extends BranchList {
  readonly #live: readonly LiveSpec[]
  readonly #resolve: (path: Bytes) => Bytes

  constructor(live: readonly LiveSpec[], resolve: (path: Bytes) => Bytes) {
    super()
    this.#live = live
    this.#resolve = resolve
    for (const { spec } of live) super.insert(spec, -1)
  }

  /** A branch that is there, as asked for and where asked for, is there already. @throws as BranchList; EEXIST */
  override insert(typed: TypedBranch, index: number): void {
    const branch = { ...typed, path: this.#known(typed.path) }
    const at = this.find(branch.path)
    if (at < 0) {
      super.insert(branch, index)
      return
    }
    const present = this.at(at)
    const there = at === (index === -1 ? this.length - 1 : index)
    if (there && (branch.perm === null || same(branch, present))) return
    throw usage(`branch ${branch.path}`, there ? 'it is a branch already; change it with mod' : 'it is a branch already; del it first to move it', 'EEXIST')
  }

  /** Branches of `dirs=` as fstab has them: those that are there stay as they are. */
  insertMissing(typed: TypedBranch): void {
    const branch = { ...typed, path: this.#known(typed.path) }
    if (this.find(branch.path) < 0) super.insert(branch, -1)
  }

  override remove(path: Bytes): void {
    const known = this.#known(path)
    if (this.find(known) >= 0) super.remove(known)
  }

  override modify(branch: TypedBranch): void {
    super.modify({ ...branch, path: this.#known(branch.path) })
  }

  /** The branches' own name of what was typed. */
  #known(path: Bytes): Bytes {
    return this.find(path) >= 0 ? path : this.#resolve(path)
  }

  wanted(defaults: Defaults): Wanted[] {
    return this.finish(defaults).map((spec) => {
      const live = this.#live.find((each) => each.spec.path === spec.path)
      return { id: live?.id ?? null, spec, changed: live !== undefined && formatBranch(live.spec) !== formatBranch(spec) }
    })
  }
}

function same(a: TypedBranch, b: TypedBranch): boolean {
  const asSpec = (branch: TypedBranch): BranchSpec => ({ ...branch, perm: branch.perm ?? 'ro' })
  return formatBranch(asSpec(a)) === formatBranch(asSpec(b))
}

/**
 * Read the options of a remount.
 * @param config of the mount as it is
 * @param resolve follows symbolic links of a path, as far as that leads somewhere
 * @throws MountError for what is malformed or cannot change while mounted; EBUSY for the last branch
 */
export function parseRemount(
  options: Bytes, cwd: Bytes, config: MountConfig, live: readonly LiveSpec[],
  resolve: (path: Bytes) => Bytes, nativelyReadOnly: Defaults['nativelyReadOnly'],
): ParsedRemount {
  const warnings: string[] = []
  const branches = new LiveBranches(live, resolve)
  const fresh = newDraft(cwd, (line) => warnings.push(line))
  const before = settingsOf(config, fresh.settings)
  const draft = { ...fresh, branches, settings: { ...before }, flags: new Set(config.flags) }
  if (config.readOnly) draft.flags.add('ro')
  const by = new Map<string, Word>()
  for (const word of splitWords(options)) {
    if (PASSED_ON.has(word.name)) continue
    if (word.name === 'dirs' || word.name === 'br') {
      for (const branch of parseBranchList(word.value ?? '', cwd, draft.warn)) branches.insertMissing(branch)
      continue
    }
    const settings = { ...draft.settings }
    applyWord(draft, word, false)
    for (const key of differences(settings, draft.settings)) by.set(key, word)
  }
  const settings = changes(before, draft.settings, by)
  const readOnly = draft.flags.delete('ro')
  checkFlags(config.flags, draft.flags)
  const wanted = branches.wanted({ readOnly, nativelyReadOnly })
  if (wanted.length === 0) {
    throw new MountError(`remount ${config.mountpoint}`, 'EBUSY', 'the last branch cannot be deleted; unmount instead')
  }
  const top = wanted[0]!
  if (!readOnly && top.spec.perm !== 'rw' && (top.changed || top.id !== live[0]?.id)) {
    warnings.push(`the first branch, ${top.spec.path}, is not rw; new files need a writable branch`)
  }
  return { branches: wanted, settings, readOnly, warnings }
}

/** The settings a mount has. */
function settingsOf(config: MountConfig, defaults: Settings): Settings {
  const all = config as unknown as Readonly<Record<string, unknown>>
  const keys = new Set([...Object.keys(defaults), ...Object.keys(all)])
  for (const key of ['source', 'mountpoint', 'branches', 'readOnly', 'flags']) keys.delete(key)
  return Object.fromEntries([...keys].map((key) => [key, all[key]])) as unknown as Settings
}

/** Names of the settings that differ. */
function differences(before: Settings, after: Settings): string[] {
  const was = before as unknown as Readonly<Record<string, unknown>>
  const is = after as unknown as Readonly<Record<string, unknown>>
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
}

/** @param by the word that changed a setting last @throws MountError for a setting that changed and cannot */
function changes(before: Settings, after: Settings, by: ReadonlyMap<string, Word>): Partial<Settings> {
  const changed = differences(before, after)
  for (const key of changed) {
    const word = by.get(key)!
    const live = OPTIONS_BY_NAME.get(word.name)?.live
    if (live !== true) throw usage(`option '${word.text}'`, `it cannot change while mounted: ${live}; unmount, and mount anew with it`, 'EOPNOTSUPP')
  }
  const is = after as unknown as Readonly<Record<string, unknown>>
  return Object.fromEntries(changed.map((key) => [key, is[key]]))
}

/** Words about access times come from /proc/mounts by themselves; others would have to change what is mounted. */
function checkFlags(before: ReadonlySet<string>, after: ReadonlySet<string>): void {
  const times = new Set(['relatime', 'noatime', 'strictatime', 'nodiratime', 'lazytime'])
  for (const flag of new Set([...before, ...after])) {
    if (before.has(flag) === after.has(flag) || times.has(flag)) continue
    throw usage(`option '${flag}'`, `it cannot change this way; use: mount -o remount,bind,${after.has(flag) ? flag : `(without ${flag})`}`, 'EOPNOTSUPP')
  }
}
