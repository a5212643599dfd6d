/** Taking a container away. */
import { failure } from '../error.js'
import { dropContainer, withContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import type { Container } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { isRunning, stateOf } from '../store/status.js'
import { release } from './release.js'
import { dropVolumes } from './volumes.js'
import { letRest, stopContainer } from './stop.js'

/** @param force kill it first if it runs @param volumes with those that nobody has named. @throws MountError EBUSY when it runs and is not to be killed */
export async function removeContainer(root: StateRoot, container: Container, force: boolean, volumes = false): Promise<void> {
  const { name } = container.record
  if (force) await stopContainer(container, 0, 'rm', 'SIGKILL')
  else if (stateOf(container).status === 'restarting') await letRest(container, 'rm')
  await withContainer(container, 'rm', async (current) => {
    const state = stateOf(current)
    if (isRunning(state)) {
      throw failure(`rm ${name}`, 'EBUSY', `cannot remove container "/${name}": container is ${state.status}: stop the container before removing or force remove`)
    }
    await release(root, current)
    await dropContainer(root, current)
    tellEvent(root, current.record, 'destroy')
    if (volumes) await dropVolumes(root, current.record)
  })
}
