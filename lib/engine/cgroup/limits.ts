/** What may be limited, as people ask for it. The names are those of docker's HostConfig: `inspect` shows them. */

/** A rate for one block device. */
export interface DeviceRate {
  /** Absolute path of a block device of the host. */
  readonly Path: string
  /** Bytes or operations a second. */
  readonly Rate: number
}

/** A share for one block device. */
export interface DeviceWeight {
  readonly Path: string
  /** 10..1000 */
  readonly Weight: number
}

/** Only what was asked for is there. Sizes are bytes. */
export interface Limits {
  readonly Memory?: number
  /** Memory and swap together; -1: swap without limit. */
  readonly MemorySwap?: number
  readonly MemoryReservation?: number
  /** 0..100 */
  readonly MemorySwappiness?: number
  readonly OomKillDisable?: boolean
  /** Billionths of a processor. */
  readonly NanoCpus?: number
  /** Microseconds. */
  readonly CpuPeriod?: number
  /** Microseconds of each period; -1: without limit. */
  readonly CpuQuota?: number
  /** Against others that want the processor too; 1024 is what a group has that was not told. */
  readonly CpuShares?: number
  /** `0-2,7` */
  readonly CpusetCpus?: string
  readonly CpusetMems?: string
  /** -1: without limit. */
  readonly PidsLimit?: number
  /** 10..1000 */
  readonly BlkioWeight?: number
  readonly BlkioWeightDevice?: readonly DeviceWeight[]
  readonly BlkioDeviceReadBps?: readonly DeviceRate[]
  readonly BlkioDeviceWriteBps?: readonly DeviceRate[]
  readonly BlkioDeviceReadIOps?: readonly DeviceRate[]
  readonly BlkioDeviceWriteIOps?: readonly DeviceRate[]
}
