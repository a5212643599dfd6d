/**
 * `--userns`, `--uidmap`, `--gidmap`, `--subuidname`, `--subgidname`: podman's words; `host` is docker's as well. Source: podman-run(1).
 */
import { readFileSync } from 'node:fs'
import { isMachineRoot } from '../../daemon/process-id.js'
import { codeOf, usage } from '../error.js'
import type { OciIdMapping } from '../oci.js'
import { keepId } from './keep-id.js'

/** Ids of the container and of the host. */
export interface IdMaps {
  readonly uids: readonly OciIdMapping[]
  readonly gids: readonly OciIdMapping[]
}

/** What was asked for. `auto` gets its ids when the container is made, for they must be nobody else's. */
export interface UserNamespace {
  /** '', `host`, `private`, `auto`, `keep-id`, `container:NAME`. */
  readonly mode: string
  readonly maps?: IdMaps
  /** auto: how many ids. */
  readonly size?: number
  /** keep-id: who runs the program if nobody says. */
  readonly user?: string
}

/** The flags by commander's names. */
export interface UserNamespaceFlags {
  readonly userns: string
  readonly uidmap: readonly string[]
  readonly gidmap: readonly string[]
  readonly subuidname: string
  readonly subgidname: string
}

/** As many as a system has by default, and podman's and docker's ranges. */
const AUTO_SIZE = 65536
/** Lines of a map. Source: user_namespaces(7). */
export const MAPPINGS_MAX = 340
/** The last one means "none". */
const IDS = 2 ** 32 - 1
/** Whose subordinate ids `auto` takes. Source: podman-run(1). */
export const AUTO_OWNER = 'containers'

/** @throws MountError for maps that the kernel would not take, or that leave root without an id */
export function parseUserns(flags: UserNamespaceFlags): UserNamespace {
  const maps = explicitMaps(flags)
  const { userns } = flags
  const tried = `--userns ${userns}`
  if (maps !== undefined) {
    if (userns !== '' && userns !== 'private') throw usage(tried, '--userns and --uidmap/--gidmap/--subuidname/--subgidname are mutually exclusive')
    return { mode: 'private', maps }
  }
  if (userns === '' || userns === 'host' || /^container:.+/s.test(userns)) return { mode: userns }
  if (userns === 'private') throw usage(tried, 'give its ids: --uidmap CONTAINER:HOST:SIZE or --subuidname NAME, or take --userns auto')
  if (userns === 'auto' || userns.startsWith('auto:')) return { mode: 'auto', size: autoSize(userns) }
  if (/^keep-id(:|$)/.test(userns)) return { mode: 'keep-id', ...keepId(userns) }
  throw usage(tried, 'invalid mode; there are host, container:NAME, auto[:size=N], keep-id (not root), and private with --uidmap or --subuidname')
}

function autoSize(text: string): number {
  let size = AUTO_SIZE
  for (const option of text.split(':').slice(1).join(':').split(',')) {
    if (option === '') continue
    const [, digits] = /^size=(\d{1,10})$/.exec(option) ?? []
    size = Number(digits)
    if (digits === undefined || size < 1 || size > IDS) throw usage(`--userns ${text}`, `invalid option '${option}'; there is size=N`)
  }
  return size
}

function explicitMaps({ uidmap, gidmap, subuidname, subgidname }: UserNamespaceFlags): IdMaps | undefined {
  if (uidmap.length === 0 && gidmap.length === 0 && subuidname === '' && subgidname === '') return undefined
  if ((subuidname !== '' && uidmap.length > 0) || (subgidname !== '' && gidmap.length > 0)) {
    throw usage('--subuidname', '--subuidname and --uidmap, --subgidname and --gidmap are mutually exclusive')
  }
  const named = { uids: subuidname, gids: subgidname }
  const [name] = [subuidname, subgidname].filter((each) => each !== '')
  if (name !== undefined && !isMachineRoot()) throw usage(`--subuidname ${name}`, 'only root can give ids of the machine away; an ordinary user has --uidmap, with numbers of his own namespace', 'EPERM')
  const of = (kind: keyof IdMaps, words: readonly string[]): OciIdMapping[] | undefined => (
    named[kind] !== '' ? subordinate(kind, named[kind]) : words.length > 0 ? words.map((word) => mapping(kind, word)) : undefined)
  const uids = of('uids', uidmap)
  const gids = of('gids', gidmap)
  // Who names users has groups of the same numbers, and the other way round; of a name both files are asked.
  const maps = {
    uids: uids ?? (subgidname !== '' ? subordinate('uids', subgidname) : gids!),
    gids: gids ?? (subuidname !== '' ? subordinate('gids', subuidname) : uids!),
  }
  for (const kind of ['uids', 'gids'] as const) checkMap(kind, maps[kind])
  return maps
}

const flagOf = (kind: keyof IdMaps): string => (kind === 'uids' ? '--uidmap' : '--gidmap')

/** `CONTAINER:HOST[:SIZE]`. */
function mapping(kind: keyof IdMaps, text: string): OciIdMapping {
  const [, inside, outside, count] = /^(\d{1,10}):(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? []
  const map = { containerID: Number(inside), hostID: Number(outside), size: Number(count ?? 1) }
  const whole = inside !== undefined && map.size > 0 && map.containerID + map.size <= IDS && map.hostID + map.size <= IDS
  if (!whole) throw usage(`${flagOf(kind)} ${text}`, 'invalid mapping; write CONTAINER-ID:HOST-ID:SIZE, ids below 4294967295')
  return map
}

function checkMap(kind: keyof IdMaps, maps: readonly OciIdMapping[]): void {
  const flag = flagOf(kind)
  const what = kind === 'uids' ? 'user' : 'group'
  if (maps.length > MAPPINGS_MAX) throw usage(flag, `the kernel takes ${MAPPINGS_MAX} mappings`, 'E2BIG')
  for (const side of ['containerID', 'hostID'] as const) {
    const sorted = [...maps].sort((a, b) => a[side] - b[side])
    const clash = sorted.find((each, i) => i > 0 && sorted[i - 1]![side] + sorted[i - 1]!.size > each[side])
    if (clash !== undefined) {
      throw usage(`${flag} ${clash.containerID}:${clash.hostID}:${clash.size}`, `${side === 'hostID' ? "the host's" : "the container's"} ${what} ${clash[side]} is mapped twice`)
    }
  }
  if (!maps.some(({ containerID }) => containerID === 0)) throw usage(flag, `${what} 0 of the container is not mapped: it has to have a root`)
}

/** An entry of /etc/subuid or /etc/subgid. Source: subuid(5). */
export interface SubordinateRange {
  readonly first: number
  readonly count: number
}

/** Where they are. */
export function subordinateFile(kind: keyof IdMaps): string {
  return kind === 'uids' ? '/etc/subuid' : '/etc/subgid'
}

/** The ranges of a name. @throws MountError when the file cannot be read; without one there are none */
export function subordinateRanges(kind: keyof IdMaps, name: string): SubordinateRange[] {
  const file = subordinateFile(kind)
  let text: string
  try {
    text = readFileSync(file, 'latin1')
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw usage(file, 'it cannot be read', codeOf(error))
    text = ''
  }
  return text.split('\n').map((line) => line.split(':')).filter(([owner]) => owner === name)
    .map(([, first, count]) => ({ first: Number(first), count: Number(count) }))
    .filter(({ first, count }) => Number.isSafeInteger(first) && count > 0)
}

/** Ranges of the host that follow each other in the container, from `next` on. */
export function inARow(ranges: readonly SubordinateRange[], next: number): OciIdMapping[] {
  return ranges.map(({ first, count }) => {
    const map = { containerID: next, hostID: first, size: count }
    next += count
    return map
  })
}

/** All the ids that a name has. @throws MountError when it has none */
function subordinate(kind: keyof IdMaps, name: string): OciIdMapping[] {
  const flag = kind === 'uids' ? '--subuidname' : '--subgidname'
  const maps = inARow(subordinateRanges(kind, name), 0)
  if (maps.length === 0) throw usage(`${flag} ${name}`, `no ${kind === 'uids' ? 'subuid' : 'subgid'} ranges found for user "${name}" in ${subordinateFile(kind)}`, 'ENOENT')
  return maps
}

/** The id of the host that a container's id is, or undefined when it has none. */
export function hostId(maps: readonly OciIdMapping[], id: number): number | undefined {
  const map = maps.find(({ containerID, size }) => id >= containerID && id < containerID + size)
  return map === undefined ? undefined : map.hostID + id - map.containerID
}

/** The other way round. */
export function containerId(maps: readonly OciIdMapping[], id: number): number | undefined {
  const map = maps.find(({ hostID, size }) => id >= hostID && id < hostID + size)
  return map === undefined ? undefined : map.containerID + id - map.hostID
}

/** The ids of the host that are root in the container. */
export function rootOf({ uids, gids }: IdMaps): { readonly uid: number, readonly gid: number } {
  return { uid: hostId(uids, 0)!, gid: hostId(gids, 0)! }
}
