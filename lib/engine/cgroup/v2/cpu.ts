/** Processor time, cgroup v2. Source: Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files". */
import type { OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** A weight instead of shares; quota and period in one file. */
export function cpu({ cpu }: OciResources): Setting[] {
  return settings('cpu', [
    ['--cpu-shares', 'cpu.weight', cpu?.shares === undefined ? undefined : weightOfShares(cpu.shares)],
    [cpu?.quota === undefined ? '--cpu-period' : '--cpus', 'cpu.max', bandwidth(cpu?.quota, cpu?.period)],
  ])
}

/** Shares 2..262144 → weight 1..10000, on a line, as docker and the OCI runtimes do it. */
export function weightOfShares(shares: number): number {
  return 1 + Math.floor((Math.min(Math.max(shares, 2), 262144) - 2) * 9999 / 262142)
}

function bandwidth(quota: number | undefined, period: number | undefined): string | undefined {
  if (quota === undefined && period === undefined) return undefined
  const most = quota === undefined || quota < 0 ? 'max' : String(quota)
  return period === undefined ? most : `${most} ${period}`
}
