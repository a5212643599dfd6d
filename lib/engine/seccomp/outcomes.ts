/**
 * From a profile to what happens to each number of a system call: names become numbers, rules that do not hold here fall out.
 *
 * Where several rules match one call the strictest action counts, as it does for the kernel with several filters; of two
 * errnos the one that stands first.
 */
import { addNumbers, ARCHES, nativeArch, syscallNumbers, X32_BIT } from './arch.js'
import type { ArchName } from './arch.js'
import { ACTIONS, ENOSYS } from './profile.js'
import type { Action, ActionName, Circumstances, Condition, Profile, Rule } from './profile.js'

/** A way to an action: all of its conditions. */
export interface Alternative {
  readonly action: Action
  readonly conditions: readonly Condition[]
}

/** What happens to a call: the first alternative that is true. The last one has no conditions. */
export type Outcome = readonly Alternative[]

/** Numbers from `from` up to the next range's. The first one begins at 0. */
export interface Range {
  readonly from: number
  readonly outcome: Outcome
}

/** For a value of `arch` in struct seccomp_data. */
export interface ArchFilter {
  readonly audit: number
  readonly bits: 32 | 64
  readonly ranges: readonly Range[]
}

/** Who the filter is for. */
export interface Holder {
  /** `process.arch` of the machine. */
  readonly nodeArch: string
  /** Capabilities of the bounding set, CAP_ names. */
  readonly capabilities: readonly string[]
  /** [major, minor] of the kernel. */
  readonly kernel: readonly [number, number]
}

/** One object for what is the same, so that ranges can be told apart by identity. */
const interned = new Map<string, Outcome>()
function intern(outcome: Outcome): Outcome {
  const key = JSON.stringify(outcome, (_, value: unknown) => typeof value === 'bigint' ? String(value) : value)
  const known = interned.get(key)
  if (known === undefined) interned.set(key, outcome)
  return known ?? outcome
}

const simple = new Map<Action, Outcome>()
function always(action: Action): Outcome {
  const known = simple.get(action)
  if (known !== undefined) return known
  const outcome = intern([{ action, conditions: [] }])
  simple.set(action, outcome)
  return outcome
}

/** Default actions that deny. */
const DENYING: readonly ActionName[] = ['KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO']
/** A program of an architecture the profile does not name: it has no business here. */
const KILLED = always({ name: 'KILL_PROCESS', data: 0 })
const UNKNOWN = always({ name: 'ERRNO', data: ENOSYS })

/**
 * i386 has two ways to the same call: socketcall(2) and ipc(2) with the number of what is meant. Its arguments lie in memory,
 * where no filter sees them, so that a rule for a call holds for the other way when it has no conditions.
 */
const MULTIPLEXED: Readonly<Record<string, string>> = {
  socketcall: `1 socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown
    setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg`,
  ipc: '1 semop semget semctl semtimedop 11 msgsnd msgrcv msgget msgctl 21 shmat shmdt shmget shmctl',
}
const otherWays = new Map<string, { call: string, condition: Condition }>()
for (const [call, words] of Object.entries(MULTIPLEXED)) {
  const values = new Map<string, number>()
  addNumbers(values, words)
  for (const [name, value] of values) otherWays.set(name, { call, condition: { index: 0, op: 'EQ', value: BigInt(value), valueTwo: 0n } })
}

function holds(rule: Rule, short: string, holder: Holder): boolean {
  const newer = ([major, minor]: readonly [number, number]): boolean =>
    holder.kernel[0] > major || holder.kernel[0] === major && holder.kernel[1] >= minor
  const has = (cap: string): boolean => holder.capabilities.includes(cap)
  const met = ({ caps, arches, minKernel }: Circumstances): boolean =>
    caps.every(has) && (arches.length === 0 || arches.includes(short)) && (minKernel === undefined || newer(minKernel))
  const { caps, arches, minKernel } = rule.excludes
  return met(rule.includes) && !caps.some(has) && !arches.includes(short) && (minKernel === undefined || !newer(minKernel))
}

/** Two conditions on one argument have always meant "or": docker's tools turn them into a rule each. */
function alternatives({ action, conditions }: Rule): Alternative[] {
  const repeated = new Set(conditions.map(({ index }) => index)).size < conditions.length
  return repeated ? conditions.map(each => ({ action, conditions: [each] })) : [{ action, conditions }]
}

/** In the order of strictness; nothing after one without conditions. */
function inOrder(list: readonly Alternative[], fallback: Action): Outcome {
  if (list.length === 1 && list[0]!.conditions.length === 0) return always(list[0]!.action)
  const rank = ({ action }: Alternative): number => ACTIONS.indexOf(action.name)
  const sorted = [...list].sort((a, b) => rank(a) - rank(b))
  const last = sorted.findIndex(({ conditions }) => conditions.length === 0)
  return intern(last < 0 ? [...sorted, ...always(fallback)] : sorted.slice(0, last + 1))
}

/** Number -> what the rules say of it. */
function outcomesOf(arch: ArchName, rules: readonly Rule[], fallback: Action): Map<number, Outcome> {
  const numbers = syscallNumbers(arch)
  const found = new Map<number, Alternative[]>()
  const add = (number: number, ways: readonly Alternative[]): void => {
    const before = found.get(number)
    if (before === undefined) found.set(number, [...ways])
    else before.push(...ways)
  }
  for (const rule of rules) {
    const ways = alternatives(rule)
    for (const name of rule.names) {
      const number = numbers.get(name)
      if (number !== undefined) add(number, ways)
      const other = arch === 'SCMP_ARCH_X86' && rule.conditions.length === 0 ? otherWays.get(name) : undefined
      if (other !== undefined) add(numbers.get(other.call)!, [{ action: rule.action, conditions: [other.condition] }])
    }
  }
  return new Map([...found].map(([number, ways]) => [number, inOrder(ways, fallback)]))
}

/** The number after the highest one in the row that the profile has a name for, whether its rule holds here or not; `first` without any. */
function firstYounger(profile: Profile, arch: ArchName, outcomes: ReadonlyMap<number, Outcome>, first: number): number {
  const { rowEnd } = ARCHES[arch]
  const numbers = syscallNumbers(arch)
  let highest = first - 1
  const see = (number = -1): void => { if (number > highest && number < rowEnd) highest = number }
  for (const number of outcomes.keys()) see(number)
  for (const { names } of profile.rules) for (const name of names) see(numbers.get(name))
  return highest + 1
}

/**
 * Ranges of one architecture from `first` on. Calls younger than every name of the profile do not exist, where the profile
 * would deny them: a program asks for a new call, gets ENOSYS and takes the old one; with EPERM it would give up.
 */
function rangesOf(profile: Profile, arch: ArchName, rules: readonly Rule[], first: number): Range[] {
  const outcomes = outcomesOf(arch, rules, profile.defaultAction)
  const fallback = always(profile.defaultAction)
  const ranges: Range[] = [{ from: first, outcome: fallback }]
  const put = (from: number, outcome: Outcome): void => {
    if (ranges.at(-1)!.from === from) ranges.pop()
    if (ranges.at(-1)?.outcome !== outcome) ranges.push({ from, outcome })
  }
  const putAll = (numbers: readonly number[]): void => {
    for (const number of numbers) {
      put(number, outcomes.get(number)!)
      put(number + 1, fallback)
    }
  }
  const numbers = [...outcomes.keys()].sort((a, b) => a - b)
  const younger = firstYounger(profile, arch, outcomes, first)
  putAll(numbers.filter(number => number < younger))
  if (younger > first && DENYING.includes(profile.defaultAction.name)) put(younger, UNKNOWN)
  if (ARCHES[arch].rowEnd < 2 ** 32) put(ARCHES[arch].rowEnd, fallback)
  putAll(numbers.filter(number => number >= younger))
  return ranges
}

/**
 * What a filter has to do, per architecture; what is not in the list is to be killed. undefined: no table for this machine.
 */
export function archFilters(profile: Profile, holder: Holder): ArchFilter[] | undefined {
  const native = nativeArch(holder.nodeArch)
  if (native === undefined) return undefined
  const rules = profile.rules.filter(rule => holds(rule, ARCHES[native].short, holder))
  const named = new Set<string>([native, ...profile.architectures, ...profile.archMap[native] ?? []])
  const filters: ArchFilter[] = []
  for (const name of Object.keys(ARCHES) as ArchName[]) {
    if (!named.has(name) || name === 'SCMP_ARCH_X32') continue
    const { audit, bits } = ARCHES[name]
    if (name !== 'SCMP_ARCH_X86_64') {
      filters.push({ audit, bits, ranges: rangesOf(profile, name, rules, 0) })
      continue
    }
    // x32 is a bit in the number, but -1 is what a debugger leaves behind to have a call skipped.
    const own = rangesOf(profile, name, rules, 0)
    const x32 = named.has('SCMP_ARCH_X32') ? rangesOf(profile, 'SCMP_ARCH_X32', rules, X32_BIT) : [{ from: X32_BIT, outcome: KILLED }]
    filters.push({ audit, bits, ranges: [...own, ...x32, { from: 2 ** 32 - 1, outcome: own.at(-1)!.outcome }] })
  }
  return filters
}
