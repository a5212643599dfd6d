/** The flags that set limits: docker's names and what docker takes. */
import { usage } from '../../config/mount-error.js'
import type { DeviceRate, DeviceWeight, Limits } from './limits.js'
import { parseRam, parseRamOrUnlimited } from './size.js'

/** One flag of `run`, `create` and, when `live`, of `update`. */
export interface LimitFlag {
  /** As commander wants it. */
  readonly flags: string
  readonly help: string
  /** May be changed while the container runs. */
  readonly live: boolean
  /** May be given more than once. */
  readonly many?: true
  /** Put what was written into `limits`; throws MountError. */
  readonly put: (limits: Writable, text: string) => void
}

type Writable = { -readonly [K in keyof Limits]: Limits[K] }
type KeyOf<T> = { [K in keyof Limits]-?: NonNullable<Limits[K]> extends T ? K : never }[keyof Limits]

const name = (flags: string): string => /--([a-z-]+)/.exec(flags)![1]!

function bytes(flags: string, key: KeyOf<number>, help: string, unlimited = false): LimitFlag {
  const put = (limits: Writable, text: string): void => {
    const value = unlimited ? parseRamOrUnlimited(text) : parseRam(text)
    if (Number.isNaN(value)) {
      throw usage(`--${name(flags)} ${text}`, `invalid size: '${text}'; give a number with b, k, m or g behind it`)
    }
    limits[key] = value
  }
  return { flags: `${flags} <bytes>`, help, live: true, put }
}

function whole(flags: string, key: KeyOf<number>, help: string, lowest: number, live = true): LimitFlag {
  const put = (limits: Writable, text: string): void => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN
    if (Number.isNaN(value)) throw usage(`--${name(flags)} ${text}`, `invalid syntax: '${text}' is not a whole number`)
    if (value < lowest) throw usage(`--${name(flags)} ${text}`, `the value must be ${lowest} or more`, 'ERANGE')
    limits[key] = value
  }
  return { flags: `${flags} <n>`, help, live, put }
}

function list(flags: string, key: KeyOf<string>, help: string, word: string): LimitFlag {
  const put = (limits: Writable, text: string): void => {
    if (!/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(text) || text.length > 1024) {
      throw usage(`--${name(flags)} ${text}`, `Invalid value ${text} for cpuset ${word}; write it as 0-2,7`)
    }
    limits[key] = text
  }
  return { flags: `${flags} <list>`, help, live: true, put }
}

/** `DEVICE:VALUE`, split at the last colon. */
function deviceAnd(flag: string, text: string, form: string): [path: string, value: string] {
  const colon = text.lastIndexOf(':')
  if (colon <= 0 || colon === text.length - 1) throw usage(`--${flag} ${text}`, `bad format: ${text}; write it as ${form}`)
  const path = text.slice(0, colon)
  if (!path.startsWith('/dev/')) throw usage(`--${flag} ${text}`, `bad format for device path: ${path}; it must begin with /dev/`)
  return [path, text.slice(colon + 1)]
}

function rate(flags: string, key: KeyOf<readonly DeviceRate[]>, help: string, parse: (text: string) => number): LimitFlag {
  const sizes = parse === parseRam
  const put = (limits: Writable, text: string): void => {
    const [path, value] = deviceAnd(name(flags), text, sizes ? '/dev/DISK:10mb' : '/dev/DISK:1000')
    const number = parse(value)
    if (!(number > 0)) {
      const unit = sizes ? '; unit is optional and can be kb, mb or gb' : ''
      throw usage(`--${name(flags)} ${text}`, `invalid rate for device: ${text}; the number must be a positive integer${unit}`)
    }
    limits[key] = [...limits[key] ?? [], { Path: path, Rate: number }]
  }
  return { flags: `${flags} <device:rate>`, help, live: false, many: true, put }
}

function putWeight(limits: Writable, text: string): void {
  const [path, value] = deviceAnd('blkio-weight-device', text, '/dev/DISK:500')
  const weight = wholeNumber(value)
  if (!(weight >= 10 && weight <= 1000)) {
    throw usage(`--blkio-weight-device ${text}`, `invalid weight for device: ${text}; the range is from 10 to 1000`, 'ERANGE')
  }
  const device: DeviceWeight = { Path: path, Weight: weight }
  limits.BlkioWeightDevice = [...limits.BlkioWeightDevice ?? [], device]
}

function putCpus(limits: Writable, text: string): void {
  const cpus = /^\d{1,6}(\.\d{1,12})?$|^\.\d{1,12}$/.test(text) ? Number(text) : NaN
  if (Number.isNaN(cpus)) throw usage(`--cpus ${text}`, `failed to parse ${text} as a rational number; write it as 1.5`)
  limits.NanoCpus = Math.round(cpus * 1e9)
}

const wholeNumber = (text: string): number => /^\d{1,15}$/.test(text) ? Number(text) : NaN

/** Every flag. A new one is a line here and its place in `to-resources.ts`. */
export const LIMIT_FLAGS: readonly LimitFlag[] = [
  bytes('-m, --memory', 'Memory', 'memory limit'),
  bytes('--memory-swap', 'MemorySwap', 'memory and swap together; -1: swap without limit', true),
  bytes('--memory-reservation', 'MemoryReservation', 'what it keeps when memory is short'),
  whole('--memory-swappiness', 'MemorySwappiness', 'how readily its memory is swapped out, 0 to 100', -1, false),
  { flags: '--oom-kill-disable', help: 'at the memory limit wait instead of killing (cgroup v1)', live: false,
    put: (limits) => { limits.OomKillDisable = true } },
  { flags: '--cpus <n>', help: 'so many processors at most, e.g. 1.5', live: true, put: putCpus },
  whole('--cpu-period', 'CpuPeriod', 'period of the scheduler, in microseconds', 0),
  whole('--cpu-quota', 'CpuQuota', 'processor time in each period, in microseconds', -1),
  whole('-c, --cpu-shares', 'CpuShares', 'share of a busy processor; others have 1024', 0),
  list('--cpuset-cpus', 'CpusetCpus', 'the processors it may use: 0-2,7', 'cpus'),
  list('--cpuset-mems', 'CpusetMems', 'the memory nodes it may use', 'mems'),
  whole('--pids-limit', 'PidsLimit', 'so many processes and threads at most; -1: without limit', -1),
  whole('--blkio-weight', 'BlkioWeight', 'share of a busy disk, 10 to 1000', 0),
  { flags: '--blkio-weight-device <device:weight>', help: 'the same for one disk', live: false, many: true, put: putWeight },
  rate('--device-read-bps', 'BlkioDeviceReadBps', 'bytes a second read from a disk', parseRam),
  rate('--device-write-bps', 'BlkioDeviceWriteBps', 'bytes a second written to a disk', parseRam),
  rate('--device-read-iops', 'BlkioDeviceReadIOps', 'reads a second of a disk', wholeNumber),
  rate('--device-write-iops', 'BlkioDeviceWriteIOps', 'writes a second to a disk', wholeNumber),
]

/** The name under which commander keeps a flag's value: `--cpu-shares` → `cpuShares`. */
export function optionKey(flag: LimitFlag): string {
  return name(flag.flags).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * The limits asked for by what commander has collected: a string for each flag, a list of strings for `many`, true for
 * one without a value.
 * @throws MountError (usage) for the first that makes no sense
 */
export function limitsOf(options: Readonly<Record<string, unknown>>): Limits {
  const limits: Writable = {}
  for (const flag of LIMIT_FLAGS) {
    const value = options[optionKey(flag)]
    if (value === undefined) continue
    for (const text of Array.isArray(value) ? value : [value]) flag.put(limits, String(text))
  }
  return limits
}
