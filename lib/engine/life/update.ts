/** Limits and restart policy of a container that is there already, running or not. */
import { changeLimits, checkLimits, machine, readHierarchies, resourcesOf, type Limits } from '../cgroup/index.js'
import { usage } from '../error.js'
import type { OciResources } from '../oci.js'
import { withContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import { writeRecord, type Container, type RestartPolicy } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { isRunning, stateOf } from '../store/status.js'

/** What is to be changed. */
export interface Change {
  /** Zero takes a limit away. */
  readonly limits: Limits
  readonly restart: RestartPolicy | undefined
}

/**
 * Change it: in the kernel if it runs, and for later starts.
 * @returns notes for people
 * @throws MountError when a limit makes no sense or cannot be set; nothing has changed then
 */
export function updateContainer(root: StateRoot, container: Container, { limits, restart }: Change): Promise<string[]> {
  return withContainer(container, 'update', (current) => {
    const { record, dir } = current
    if (restart !== undefined && restart.name !== 'no' && record.host.autoRemove) {
      throw usage(`update ${record.name}`, 'Restart policy cannot be updated because AutoRemove is enabled for the container')
    }
    const merged: Limits = { ...record.limits, ...limits }
    const notes = checkLimits(merged, machine(readHierarchies()))
    if (record.cgroup !== undefined && isRunning(stateOf(current))) changeLimits(record.cgroup, changed(limits, merged))
    const host = restart === undefined ? record.host : { ...record.host, restartPolicy: restart }
    writeRecord(dir, { ...record, limits: merged, host })
    tellEvent(root, record, 'update')
    return notes
  })
}

/** What is to be written: only what was named, but memory and its swap together, for neither is right without the other. */
function changed(limits: Limits, merged: Limits): OciResources {
  const { resources } = resourcesOf(limits)
  const memory = { ...resources.memory }
  if (limits.Memory !== undefined || limits.MemorySwap !== undefined) {
    const limit = merged.Memory ?? 0
    const swap = merged.MemorySwap ?? 0
    memory.limit = limit === 0 ? -1 : limit
    memory.swap = limit === 0 || swap === -1 ? -1 : swap === 0 ? limit * 2 : swap
  }
  if (limits.MemoryReservation === 0) memory.reservation = -1
  return {
    ...resources,
    ...Object.keys(memory).length > 0 && { memory },
    ...limits.CpuShares === 0 && { cpu: { ...resources.cpu, shares: 1024 } },
  }
}
