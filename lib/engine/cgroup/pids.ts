/** The number of processes and threads; the file is the same in v1 and v2. */
import type { OciResources } from '../oci.js'
import { settings, type Setting } from './setting.js'

/** Zero and less: no limit. */
export function pids({ pids }: OciResources): Setting[] {
  return settings('pids', [['--pids-limit', 'pids.max', pids === undefined ? undefined : pids.limit > 0 ? pids.limit : 'max']])
}
