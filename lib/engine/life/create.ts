/** A new container: its record, its branches. Nothing is mounted. */
import { addContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import type { Container, ContainerRecord } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { makeRootfs } from '../rootfs/mount.js'

/** Keep it, under a name of its own if it was not given one. @throws MountError when the name is taken; nothing is left then */
export async function createContainer(root: StateRoot, draft: ContainerRecord): Promise<Container> {
  const container = await addContainer(root, draft, (dir) => makeRootfs(dir, draft.layers))
  tellEvent(root, container.record, 'create')
  return container
}
