/** Containers stopped in the middle of what they do, and continued. */
import { freeze, thaw } from '../cgroup/index.js'
import { failure } from '../error.js'
import { withContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import type { Container } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { stateOf } from '../store/status.js'

/** Freeze all its processes. @throws MountError when it does not run, is paused, or has no group */
export function pauseContainer(root: StateRoot, container: Container): Promise<void> {
  return withContainer(container, 'pause', async (current) => {
    const { status } = stateOf(current)
    const { id, name, cgroup } = current.record
    if (status === 'paused') throw failure(`pause ${name}`, 'EALREADY', `Container ${id} is already paused`)
    if (status !== 'running' || cgroup === undefined) throw failure(`pause ${name}`, 'ESRCH', `Container ${id} is not running`)
    await freeze(cgroup)
    tellEvent(root, current.record, 'pause')
  })
}

/** Let them go on. @throws MountError when it is not paused */
export function unpauseContainer(root: StateRoot, container: Container): Promise<void> {
  return withContainer(container, 'unpause', async (current) => {
    const { id, name, cgroup } = current.record
    if (stateOf(current).status !== 'paused' || cgroup === undefined) {
      throw failure(`unpause ${name}`, 'EINVAL', `Container ${id} is not paused`)
    }
    await thaw(cgroup)
    tellEvent(root, current.record, 'unpause')
  })
}
