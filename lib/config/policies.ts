/**
 * Placement policies as typed: their names, and what may follow them. What they do is in lib/union/policy/, a file for
 * each. Sources: aufs(5) "Policies to Select One among Multiple Writable Branches"; mergerfs(1) "POLICIES".
 *
 *     mfsrr:4G:10     NAME[:LOW[:SEC]]: LOW in bytes, with K, M, G or T; SEC seconds for which free space is not asked again
 */
import { parseSize } from './size.js'
import { usage } from './mount-error.js'

/** What may follow a policy's name. */
interface PolicyForm {
  /** Other names of it. */
  readonly words?: readonly string[]
  /** `LOW`: must be given, may be given, or means nothing. */
  readonly low: 'needed' | 'may' | 'none'
  /** Default of `SEC`; -1 where the policy does not look at free space. */
  readonly sec: number
}

/** aufs asks file systems for their space twice a minute; mergerfs each time. */
const AUFS_SEC = 30
const MERGERFS = { low: 'may', sec: 0 } as const
export const SEC_MAX = 3600

/** Where new objects go. */
export const CREATE_POLICIES = {
  tdp: { words: ['top-down-parent'], low: 'none', sec: -1 },
  rr: { words: ['round-robin'], low: 'none', sec: -1 },
  mfs: { words: ['most-free-space'], low: 'none', sec: AUFS_SEC },
  mfsrr: { words: ['most-free-space-round-robin'], low: 'needed', sec: AUFS_SEC },
  tdmfs: { words: ['top-down-most-free-space'], low: 'needed', sec: AUFS_SEC },
  pmfs: { words: ['parent-most-free-space'], low: 'none', sec: AUFS_SEC },
  pmfsrr: { words: ['parent-most-free-space-round-robin'], low: 'needed', sec: AUFS_SEC },
  epmfs: { words: ['existing-path-most-free-space'], ...MERGERFS },
  ff: { words: ['first-found'], ...MERGERFS },
  lfs: { words: ['least-free-space'], ...MERGERFS },
  lus: { words: ['least-used-space'], ...MERGERFS },
  newest: MERGERFS,
  rand: { words: ['random'], ...MERGERFS },
} as const satisfies Readonly<Record<string, PolicyForm>>

/** Where copies of read-only branches' objects go. */
export const COPY_UP_POLICIES = {
  tdp: { words: ['top-down-parent'], low: 'none', sec: -1 },
  bup: { words: ['bottom-up-parent'], low: 'none', sec: -1 },
  bu: { words: ['bottom-up'], low: 'none', sec: -1 },
} as const satisfies Readonly<Record<string, PolicyForm>>

export type CreatePolicyName = keyof typeof CREATE_POLICIES
export type CopyUpPolicyName = keyof typeof COPY_UP_POLICIES

/** A policy with its arguments. */
export interface PolicySpec<Name extends string = CreatePolicyName> {
  readonly name: Name
  /** Bytes below which a branch counts as full. */
  readonly low: number
  /** Free space that was asked for so long ago still counts. */
  readonly maxAgeMs: number
}

/** How a policy is written. */
function shape(name: string, { low, sec }: PolicyForm): string {
  const rest = sec < 0 ? '' : '[:SEC]'
  if (low === 'needed') return `${name}:LOW${rest}`
  return low === 'may' ? `${name}[:LOW${rest}]` : `${name}${rest}`
}

/** Every policy of a table as it is written, for help and refusals. */
export function shapes(table: Readonly<Record<string, PolicyForm>>): string {
  return Object.entries(table).map(([name, form]) => shape(name, form)).join(', ')
}

/**
 * Read a policy with its arguments.
 * @param option its name, for the refusal
 * @throws MountError EINVAL for an unknown policy, missing or superfluous arguments, or a bad number
 */
export function parsePolicy<Name extends string>(
  table: Readonly<Record<Name, PolicyForm>>, option: string, text: string,
): PolicySpec<Name> {
  const [word = '', ...given] = text.split(':')
  const names = Object.keys(table) as Name[]
  const name = names.find((each) => each === word || table[each].words?.includes(word) === true)
  if (name === undefined) throw usage(`option '${option}=${text}'`, `there is no such policy; give one of: ${shapes(table)}`)
  const form = table[name]
  const low = form.low === 'none' ? undefined : given.shift()
  const sec = form.sec < 0 ? undefined : given.shift()
  const lowBytes = low === undefined ? 0 : parseSize(low)
  const seconds = sec === undefined ? Math.max(form.sec, 0) : Number(/^\d{1,4}$/.test(sec) ? sec : NaN)
  const complete = form.low !== 'needed' || low !== undefined
  if (!complete || given.length > 0 || Number.isNaN(lowBytes) || !(seconds <= SEC_MAX)) {
    throw usage(`option '${option}=${text}'`, `write ${shape(name, form)}${explain(form)}`)
  }
  return { name, low: lowBytes, maxAgeMs: seconds * 1000 }
}

function explain({ low, sec }: PolicyForm): string {
  const parts = [
    ...(low === 'none' ? [] : ['LOW in bytes or with K, M, G or T']),
    ...(sec < 0 ? [] : [`SEC from 0 to ${SEC_MAX}`]),
  ]
  return parts.length === 0 ? ', it takes no argument' : `: ${parts.join(', ')}`
}

/** A policy as it would be given, without arguments that are the default. */
export function formatPolicy(table: Readonly<Record<string, PolicyForm>>, spec: PolicySpec<string>): string {
  const form = table[spec.name]!
  const usualSec = spec.maxAgeMs === Math.max(form.sec, 0) * 1000
  const low = form.low === 'needed' || (form.low === 'may' && (spec.low > 0 || !usualSec)) ? `:${spec.low}` : ''
  return `${spec.name}${low}${usualSec ? '' : `:${spec.maxAgeMs / 1000}`}`
}
