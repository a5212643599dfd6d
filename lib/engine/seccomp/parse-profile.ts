/**
 * Reads and checks a seccomp profile: docker's file format, which contains that of the OCI spec. Whoever writes `syscals`
 * wants a filter and would get a hole: a key that is not known is an error here.
 */
import { constants } from 'node:os'
import { isArchName } from './arch.js'
import { ACTIONS, ANYWHERE, EPERM, OPERATORS } from './profile.js'
import type { Action, ActionName, Circumstances, Condition, Operator, Profile, Rule } from './profile.js'

/** Docker's own is 15 KB. */
export const BYTES_MAX = 1024 * 1024
const RULES_MAX = 4096
const NAMES_MAX = 65_536
/** The kernel takes no more (MAX_ERRNO). */
const ERRNO_MAX = 4095
const ARGS = 6
const U64_MAX = 0xffff_ffff_ffff_ffffn
const NAME = /^[a-z0-9_]{1,64}$/i
const FLAGS = ['LOG', 'SPEC_ALLOW', 'TSYNC']

type Json = Readonly<Record<string, unknown>>

/** A profile that is wrong; says where. */
export class ProfileError extends Error {
  /** @param where place in the document: `syscalls[3].args[0].op` */
  constructor(where: string, what: string) {
    super(where === '' ? what : `${where}: ${what}`)
    this.name = 'ProfileError'
  }
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}

function object(value: unknown, where: string, keys: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ProfileError(where, `an object is needed, not ${shown(value)}`)
  const known = keys.split(' ')
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new ProfileError(where, `unknown key ${shown(key)}; there are ${known.join(', ')}`)
  }
  return value as Json
}

/** A list; nothing and null are an empty one, as Go writes them. */
function list(value: unknown, where: string, most: number): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new ProfileError(where, `a list is needed, not ${shown(value)}`)
  if (value.length > most) throw new ProfileError(where, `${value.length} entries; ${most} are the most`)
  return value
}

function strings(value: unknown, where: string, most = 64): readonly string[] {
  return list(value, where, most).map((each, i) => {
    if (typeof each !== 'string') throw new ProfileError(`${where}[${i}]`, `a string is needed, not ${shown(each)}`)
    return each
  })
}

/** Numbers above 2^53 stand as strings of digits (see parseProfile). */
function unsigned(value: unknown, where: string, most: bigint): bigint {
  if (value === undefined || value === null) return 0n
  const fits = typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : typeof value === 'string' && /^\d{16,20}$/.test(value)
  const number = fits ? BigInt(value as number | string) : -1n
  if (number < 0n || number > most) throw new ProfileError(where, `a whole number from 0 to ${most} is needed, not ${shown(value)}`)
  return number
}

/** `errnoRet` is a number; `errno`, which podman's files have beside it, a name. */
function action(value: unknown, number: unknown, name: unknown, where: string): Action {
  const word = typeof value === 'string' ? /^SCMP_ACT_([A-Z_]+)$/.exec(value)?.[1] : undefined
  if (word === 'NOTIFY') throw new ProfileError(where, 'SCMP_ACT_NOTIFY needs a program that listens, which tsaufs does not start')
  const known = word === 'KILL' ? 'KILL_THREAD' : ACTIONS.find(each => each === word)
  if (known === undefined) {
    throw new ProfileError(where, `${value === undefined ? 'missing' : shown(value)}; there are SCMP_ACT_KILL, ${ACTIONS.map(each => `SCMP_ACT_${each}`).join(', ')}`)
  }
  return { name: known, data: actionData(known, number, name, where) }
}

function actionData(action: ActionName, number: unknown, name: unknown, where: string): number {
  const given = number !== undefined && number !== null
  const data = given ? Number(unsigned(number, `${where} errno`, action === 'TRACE' ? 0xffffn : BigInt(ERRNO_MAX))) : undefined
  if (action !== 'ERRNO' && action !== 'TRACE') return 0
  if (data !== undefined) return data
  if (typeof name !== 'string' || name === '') return EPERM
  const known = (constants.errno as Readonly<Record<string, number>>)[name]
  if (known === undefined) throw new ProfileError(`${where} errno`, `${shown(name)} is no errno`)
  return known
}

function circumstances(value: unknown, where: string): Circumstances {
  if (value === undefined || value === null) return ANYWHERE
  const { caps, arches, minKernel } = object(value, where, 'caps arches minKernel')
  const from = { caps: strings(caps, `${where}.caps`), arches: strings(arches, `${where}.arches`) }
  if (minKernel === undefined || minKernel === '') return from
  const version = typeof minKernel === 'string' ? /^(\d{1,5})\.(\d{1,5})$/.exec(minKernel) : null
  if (version === null) throw new ProfileError(`${where}.minKernel`, `a version like "4.8" is needed, not ${shown(minKernel)}`)
  return { ...from, minKernel: [Number(version[1]), Number(version[2])] }
}

function condition(value: unknown, where: string): Condition {
  const { index, op, value: first, valueTwo } = object(value, where, 'index value valueTwo op')
  const place = Number(unsigned(index, `${where}.index`, BigInt(ARGS - 1)))
  const word = typeof op === 'string' ? /^SCMP_CMP_([A-Z_]+)$/.exec(op)?.[1] : undefined
  const known: Operator | undefined = OPERATORS.find(each => each === word)
  if (known === undefined) {
    throw new ProfileError(`${where}.op`, `${op === undefined ? 'missing' : shown(op)}; there are ${OPERATORS.map(each => `SCMP_CMP_${each}`).join(', ')}`)
  }
  return { index: place, op: known, value: unsigned(first, `${where}.value`, U64_MAX), valueTwo: unsigned(valueTwo, `${where}.valueTwo`, U64_MAX) }
}

function rule(value: unknown, where: string): Rule {
  const said = object(value, where, 'name names action args comment includes excludes errnoRet errno')
  const names = strings(said['names'], `${where}.names`, NAMES_MAX)
  const name = said['name'] === undefined || said['name'] === '' ? [] : strings([said['name']], `${where}.name`)
  if (names.length > 0 && name.length > 0) throw new ProfileError(where, 'has both name and names; one of them, please')
  const all = [...name, ...names]
  if (all.length === 0) throw new ProfileError(where, 'names no system call')
  const odd = all.find(each => !NAME.test(each))
  if (odd !== undefined) throw new ProfileError(`${where}.names`, `${shown(odd)} cannot be a system call`)
  return {
    names: all,
    action: action(said['action'], said['errnoRet'], said['errno'], `${where}.action`),
    conditions: list(said['args'], `${where}.args`, 64).map((each, i) => condition(each, `${where}.args[${i}]`)),
    includes: circumstances(said['includes'], `${where}.includes`),
    excludes: circumstances(said['excludes'], `${where}.excludes`),
  }
}

function archName(value: unknown, where: string): string {
  if (typeof value !== 'string' || !isArchName(value)) throw new ProfileError(where, `${shown(value)} is no architecture; they are called like SCMP_ARCH_X86_64`)
  return value
}

/** A parsed document as a profile. Throws ProfileError. */
export function checkProfile(document: unknown): Profile {
  const said = object(document, '', 'defaultAction defaultErrnoRet defaultErrno architectures archMap syscalls flags listenerPath listenerMetadata comment')
  if (said['listenerPath'] !== undefined && said['listenerPath'] !== '') throw new ProfileError('listenerPath', 'tsaufs hands a filter to no listener')
  const architectures = list(said['architectures'], 'architectures', 32).map((each, i) => archName(each, `architectures[${i}]`))
  const archMap = Object.fromEntries(list(said['archMap'], 'archMap', 32).map((each, i) => {
    const { architecture, subArchitectures } = object(each, `archMap[${i}]`, 'architecture subArchitectures')
    const subs = list(subArchitectures, `archMap[${i}].subArchitectures`, 32).map((sub, j) => archName(sub, `archMap[${i}].subArchitectures[${j}]`))
    return [archName(architecture, `archMap[${i}].architecture`), subs]
  }))
  if (architectures.length > 0 && Object.keys(archMap).length > 0) throw new ProfileError('', 'has both architectures and archMap; one of them, please')
  const flags = strings(said['flags'], 'flags').map((each, i) => {
    const flag = FLAGS.find(known => each === `SECCOMP_FILTER_FLAG_${known}`)
    if (flag === undefined) throw new ProfileError(`flags[${i}]`, `${shown(each)}; there are ${FLAGS.map(known => `SECCOMP_FILTER_FLAG_${known}`).join(', ')}`)
    return flag
  })
  return {
    defaultAction: action(said['defaultAction'], said['defaultErrnoRet'], said['defaultErrno'], 'defaultAction'),
    architectures,
    archMap,
    rules: list(said['syscalls'], 'syscalls', RULES_MAX).map((each, i) => rule(each, `syscalls[${i}]`)),
    flags,
  }
}

/** The text of a profile file as a profile. Throws ProfileError. */
export function parseProfile(text: string): Profile {
  if (text.length > BYTES_MAX) throw new ProfileError('', `has ${text.length} bytes; ${BYTES_MAX} are the most`)
  // Masks have 64 bits, and a number of JavaScript keeps 53: longer ones become strings before they are read.
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])\d{16,20}(?![\d.eE])/g, token => token.startsWith('"') ? token : `"${token}"`)
  let document: unknown
  try {
    document = JSON.parse(exact)
  } catch (error) {
    throw new ProfileError('', `is no JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`)
  }
  return checkProfile(document)
}
