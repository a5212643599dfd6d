/** Memory, cgroup v1. Source: Documentation/admin-guide/cgroup-v1/memory.rst. */
import type { OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** The limit goes before that of memory and swap, which may not be lower; -1 is "no limit" to the kernel too. */
export function memory({ memory }: OciResources): Setting[] {
  return settings('memory', [
    ['--memory', 'memory.limit_in_bytes', memory?.limit],
    ['--memory-swap', 'memory.memsw.limit_in_bytes', memory?.swap],
    ['--memory-reservation', 'memory.soft_limit_in_bytes', memory?.reservation],
    ['--memory-swappiness', 'memory.swappiness', memory?.swappiness],
    ['--oom-kill-disable', 'memory.oom_control', memory?.disableOOMKiller === true ? 1 : undefined],
  ])
}
