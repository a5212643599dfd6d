/** Files of cgroup v2 named by an OCI configuration itself. Source: runtime-spec, config-linux.md, "Unified". */
import { usage } from '../../../config/mount-error.js'
import type { OciResources } from '../../oci.js'
import type { Setting } from '../setting.js'

/** One write each; a name is one file of the group, never a path. */
export function unified({ unified }: OciResources): Setting[] {
  return Object.entries(unified ?? {}).map(([file, value]) => {
    const [, controller] = /^([a-z]+)\.[a-z_.]{1,64}$/.exec(file) ?? []
    if (controller === undefined || controller === 'cgroup') {
      throw usage(`unified ${file}`, 'not the name of a limit of cgroup v2; write it as memory.high')
    }
    return { controller, files: [file], value, option: `unified ${file}` }
  })
}
