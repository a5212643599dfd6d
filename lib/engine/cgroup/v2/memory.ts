/** Memory, cgroup v2. Source: Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files". */
import type { OciResources } from '../../oci.js'
import { settings, type Setting } from '../setting.js'

/** v2 limits swap by itself; docker and OCI say memory and swap together. What v2 has not got gets a file that is never there. */
export function memory({ memory }: OciResources): Setting[] {
  return settings('memory', [
    ['--memory', 'memory.max', most(memory?.limit)],
    ['--memory-swap', 'memory.swap.max', swapOnly(memory?.limit, memory?.swap)],
    ['--memory-reservation', 'memory.low', most(memory?.reservation)],
    ['--memory-swappiness', 'memory.swappiness', memory?.swappiness],
    ['--oom-kill-disable', 'memory.oom_control', memory?.disableOOMKiller === true ? 1 : undefined],
  ])
}

const most = (bytes: number | undefined): string | undefined => bytes === undefined ? undefined : bytes < 0 ? 'max' : String(bytes)

function swapOnly(limit: number | undefined, both: number | undefined): string | undefined {
  if (both === undefined || both < 0) return most(both)
  return String(both - Math.max(limit ?? 0, 0))
}
