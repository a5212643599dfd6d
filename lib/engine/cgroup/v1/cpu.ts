/** Processor time, cgroup v1. Source: Documentation/scheduler/sched-bwc.rst, sched-design-CFS.rst. */
import type { OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** Shares, and so many microseconds of each period. */
export function cpu({ cpu }: OciResources): Setting[] {
  return settings('cpu', [
    ['--cpu-shares', 'cpu.shares', cpu?.shares],
    ['--cpu-period', 'cpu.cfs_period_us', cpu?.period],
    ['--cpus', 'cpu.cfs_quota_us', cpu?.quota],
  ])
}
