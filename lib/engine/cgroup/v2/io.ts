/** Block devices, cgroup v2. Source: Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files". */
import type { OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** bfq has its own file with docker's numbers; io.weight goes from 1 to 10000. */
export function io({ blockIO: io }: OciResources): Setting[] {
  return [
    ...weight(io?.weight),
    ...settings('io', (io?.weightDevice ?? []).map(({ major, minor, weight = 0 }) => [
      '--blkio-weight-device', ['io.bfq.weight'], `${major}:${minor} ${weight}`,
    ])),
    ...rates('--device-read-bps', 'rbps', io?.throttleReadBpsDevice),
    ...rates('--device-write-bps', 'wbps', io?.throttleWriteBpsDevice),
    ...rates('--device-read-iops', 'riops', io?.throttleReadIOPSDevice),
    ...rates('--device-write-iops', 'wiops', io?.throttleWriteIOPSDevice),
  ]
}

/** 10..1000 → 1..10000, on a line. */
export function ioWeight(weight: number): number {
  return 1 + Math.floor((weight - 10) * 9999 / 990)
}

function weight(weight: number | undefined): Setting[] {
  if (weight === undefined) return []
  const bfq = { controller: 'io', files: ['io.bfq.weight'], value: String(weight), option: '--blkio-weight' }
  return [{ ...bfq, orElse: { ...bfq, files: ['io.weight'], value: `default ${ioWeight(weight)}` } }]
}

function rates(option: string, key: string, rows: readonly { major: number, minor: number, rate: number }[] | undefined): Setting[] {
  return settings('io', (rows ?? []).map(({ major, minor, rate }) => [option, 'io.max', `${major}:${minor} ${key}=${rate}`]))
}
