/** Limits as `inspect` tells them. */
import type { Limits } from './limits.js'

const NOTHING: Required<Limits> = {
  Memory: 0, MemorySwap: 0, MemoryReservation: 0, MemorySwappiness: -1, OomKillDisable: false, NanoCpus: 0, CpuPeriod: 0, CpuQuota: 0,
  CpuShares: 0, CpusetCpus: '', CpusetMems: '', PidsLimit: 0, BlkioWeight: 0, BlkioWeightDevice: [], BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [], BlkioDeviceReadIOps: [], BlkioDeviceWriteIOps: [],
}

/** All fields of docker's HostConfig that are about limits, also those that were not asked for; swap as much again as memory. */
export function describeLimits(limits: Limits): Required<Limits> {
  return { ...NOTHING, ...limits, MemorySwap: limits.MemorySwap ?? 2 * (limits.Memory ?? 0) }
}
