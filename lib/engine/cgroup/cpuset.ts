/** Processors and memory nodes; the files are the same in v1 and v2. */
import type { OciResources } from '../oci.js'
import { settings, type Setting } from './setting.js'

/** Lists as the kernel takes them. */
export function cpuset({ cpu }: OciResources): Setting[] {
  return settings('cpuset', [
    ['--cpuset-cpus', 'cpuset.cpus', cpu?.cpus],
    ['--cpuset-mems', 'cpuset.mems', cpu?.mems],
  ])
}
