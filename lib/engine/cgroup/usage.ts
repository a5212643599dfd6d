/** What a group uses and has used. */
import { controllerDir, type GroupPlaces } from './places.js'
import { readIfThere, realTree, type Tree } from './tree.js'

/** Sizes in bytes. What the machine does not count is undefined. */
export interface Usage {
  /** Processor time since the beginning, nanoseconds. */
  readonly cpuNs?: number
  /** Times that the group had to wait because its quota was used up. */
  readonly throttled?: number
  readonly memory?: {
    /** With the page cache. */
    readonly usage: number
    /** The part of the page cache that nobody has used lately: given back when memory is short. */
    readonly inactiveFile: number
    /** Infinity: none. */
    readonly limit: number
    readonly peak?: number
  }
  /** Processes killed because memory was short. */
  readonly oomKills?: number
  readonly pids?: { readonly current: number, readonly limit: number }
  /** Bytes read from and written to block devices. */
  readonly io?: { readonly read: number, readonly written: number }
}

/** v1 says "no limit" as the largest multiple of the page size that a long can hold. */
const V1_UNLIMITED = 2 ** 62

/** As it is now. */
export function usage(places: GroupPlaces, tree: Tree = realTree): Usage {
  const read = (controller: string, file: string): string | undefined => {
    const dir = controllerDir(places, controller)
    return dir === undefined ? undefined : readIfThere(tree, `${dir}/${file}`)
  }
  const found = places.version === 1 ? usageV1(read) : usageV2(read)
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as Usage
}

type Read = (controller: string, file: string) => string | undefined
type Found = { [K in keyof Usage]: Usage[K] | undefined }

function usageV1(read: Read): Found {
  const bytes = number(read('memory', 'memory.usage_in_bytes'))
  const limit = number(read('memory', 'memory.limit_in_bytes'))
  const peak = number(read('memory', 'memory.max_usage_in_bytes'))
  const memory = bytes === undefined ? undefined : {
    usage: bytes,
    inactiveFile: field(read('memory', 'memory.stat'), 'total_inactive_file') ?? 0,
    limit: limit === undefined || limit >= V1_UNLIMITED ? Infinity : limit,
    ...peak !== undefined && { peak },
  }
  return {
    cpuNs: number(read('cpuacct', 'cpuacct.usage')),
    throttled: field(read('cpu', 'cpu.stat'), 'nr_throttled'),
    memory,
    oomKills: field(read('memory', 'memory.oom_control'), 'oom_kill'),
    pids: pids(read),
    io: ioV1(read('blkio', 'blkio.throttle.io_service_bytes_recursive') ?? read('blkio', 'blkio.throttle.io_service_bytes')),
  }
}

function usageV2(read: Read): Found {
  const cpu = read('cpu', 'cpu.stat')
  const usec = field(cpu, 'usage_usec')
  const bytes = number(read('memory', 'memory.current'))
  const peak = number(read('memory', 'memory.peak'))
  const memory = bytes === undefined ? undefined : {
    usage: bytes,
    inactiveFile: field(read('memory', 'memory.stat'), 'inactive_file') ?? 0,
    limit: number(read('memory', 'memory.max')) ?? Infinity,
    ...peak !== undefined && { peak },
  }
  return {
    cpuNs: usec === undefined ? undefined : usec * 1000,
    throttled: field(cpu, 'nr_throttled'),
    memory,
    oomKills: field(read('memory', 'memory.events'), 'oom_kill'),
    pids: pids(read),
    io: ioV2(read('io', 'io.stat')),
  }
}

function pids(read: Read): Usage['pids'] {
  const current = number(read('pids', 'pids.current'))
  return current === undefined ? undefined : { current, limit: number(read('pids', 'pids.max')) ?? Infinity }
}

/** `max` is Infinity. */
function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : text.trim() === 'max' ? Infinity : Number(text)
}

function field(text: string | undefined, name: string): number | undefined {
  const found = text === undefined ? undefined : new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** `8:0 Read 4096`, one line for each device and direction. */
function ioV1(text: string | undefined): Usage['io'] {
  if (text === undefined) return undefined
  const sum = (direction: string): number => {
    let bytes = 0
    for (const [, count] of text.matchAll(new RegExp(`^\\d+:\\d+ ${direction} (\\d+)$`, 'gm'))) bytes += Number(count)
    return bytes
  }
  return { read: sum('Read'), written: sum('Write') }
}

/** `8:0 rbytes=4096 wbytes=0 ...`, one line for each device. */
function ioV2(text: string | undefined): Usage['io'] {
  if (text === undefined) return undefined
  const sum = (key: string): number => {
    let bytes = 0
    for (const [, count] of text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))) bytes += Number(count)
    return bytes
  }
  return { read: sum('rbytes'), written: sum('wbytes') }
}
