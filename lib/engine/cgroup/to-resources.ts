/** Limits as people ask for them → resources of the OCI configuration. */
import { statSync } from 'node:fs'
import { MountError, usage } from '../../config/mount-error.js'
import type { OciResources, OciThrottle } from '../oci.js'
import { major, minor } from '../spec/numbers.js'
import type { DeviceRate, Limits } from './limits.js'

/** What was asked for, where a failure is an error, and what goes with it unasked, where it is a note. */
export interface Asked {
  readonly resources: OciResources
  readonly unasked: OciResources
}

const PERIOD_US = 100_000

/**
 * The resources of checked limits. Zero stands for "not limited", as in docker; block devices are looked up by path.
 * @throws MountError when a path is no block device
 */
export function resourcesOf(limits: Limits): Asked {
  const memory = compact({
    limit: some(limits.Memory),
    swap: some(limits.MemorySwap),
    reservation: some(limits.MemoryReservation),
    swappiness: limits.MemorySwappiness === -1 ? undefined : limits.MemorySwappiness,
    disableOOMKiller: limits.OomKillDisable === true ? true : undefined,
  })
  const period = some(limits.CpuPeriod)
  const nano = some(limits.NanoCpus)
  const cpu = compact({
    shares: some(limits.CpuShares),
    period: nano === undefined ? period : PERIOD_US,
    quota: nano === undefined ? some(limits.CpuQuota) : Math.round(nano * PERIOD_US / 1e9),
    cpus: limits.CpusetCpus,
    mems: limits.CpusetMems,
  })
  const blockIO = compact({
    weight: some(limits.BlkioWeight),
    weightDevice: limits.BlkioWeightDevice?.map(({ Path, Weight }) => ({ ...deviceNumbers(Path), weight: Weight })),
    throttleReadBpsDevice: throttles(limits.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(limits.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(limits.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(limits.BlkioDeviceWriteIOps),
  })
  const pids = limits.PidsLimit === undefined ? undefined : { limit: limits.PidsLimit === 0 ? -1 : limits.PidsLimit }
  const swap = memory?.limit !== undefined && memory.swap === undefined ? { memory: { limit: memory.limit, swap: memory.limit * 2 } } : {}
  return { resources: compact({ memory, cpu, blockIO, pids }) ?? {}, unasked: swap }
}

const some = (value: number | undefined): number | undefined => value === 0 ? undefined : value

type Compact<T> = { [K in keyof T]?: NonNullable<T[K]> }

/** The object without what is undefined; undefined when nothing is left. */
function compact<T extends object>(object: T): Compact<T> | undefined {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries) as Compact<T>
}

function throttles(rates: readonly DeviceRate[] | undefined): OciThrottle[] | undefined {
  return rates?.map(({ Path, Rate }) => ({ ...deviceNumbers(Path), rate: Rate }))
}

/** Numbers of the block device at `path`. */
function deviceNumbers(path: string): { major: number, minor: number } {
  let stat
  try {
    stat = statSync(Buffer.from(path, 'latin1'))
  } catch (error) {
    throw new MountError(`device ${path}`, (error as NodeJS.ErrnoException).code ?? 'EIO', 'it is to be limited and cannot be looked up')
  }
  if (!stat.isBlockDevice()) throw usage(`device ${path}`, 'not a block device; only disks can be limited', 'ENOTBLK')
  return { major: major(stat.rdev), minor: minor(stat.rdev) }
}
