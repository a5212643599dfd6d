/** Block devices, cgroup v1. Source: Documentation/admin-guide/cgroup-v1/blkio-controller.rst. */
import type { OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** Weights need a kernel whose disks are scheduled by bfq; rates are kept by every kernel. */
export function blkio({ blockIO: io }: OciResources): Setting[] {
  return [
    ...settings('blkio', [['--blkio-weight', ['blkio.weight', 'blkio.bfq.weight'], io?.weight]]),
    ...each('--blkio-weight-device', ['blkio.weight_device', 'blkio.bfq.weight_device'], io?.weightDevice, ({ weight }) => weight ?? 0),
    ...each('--device-read-bps', 'blkio.throttle.read_bps_device', io?.throttleReadBpsDevice, ({ rate }) => rate),
    ...each('--device-write-bps', 'blkio.throttle.write_bps_device', io?.throttleWriteBpsDevice, ({ rate }) => rate),
    ...each('--device-read-iops', 'blkio.throttle.read_iops_device', io?.throttleReadIOPSDevice, ({ rate }) => rate),
    ...each('--device-write-iops', 'blkio.throttle.write_iops_device', io?.throttleWriteIOPSDevice, ({ rate }) => rate),
  ]
}

function each<T extends { major: number, minor: number }>(
  option: string, file: string | readonly string[], rows: readonly T[] | undefined, value: (row: T) => number,
): Setting[] {
  return settings('blkio', (rows ?? []).map((row) => [option, file, `${row.major}:${row.minor} ${value(row)}`]))
}
