/** A new container: its record, its branches. Nothing is mounted. */
import { addContainer, findContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import type { Container, ContainerRecord } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { makeRootfs } from '../rootfs/mount.js'
import { requireRoot } from './rights.js'

/** Keep it, under a name of its own if it was not given one. @throws MountError when the name is taken; nothing is left then */
export async function createContainer(root: StateRoot, draft: ContainerRecord): Promise<Container> {
  requireRoot(`create ${draft.name === '' ? 'a container' : draft.name}`)
  const record = withHostname(root, draft)
  const container = await addContainer(root, record, (dir) => makeRootfs(dir, draft.layers))
  tellEvent(root, container.record, 'create')
  return container
}

/** Who shares a network has the name that it is known by there. */
function withHostname(root: StateRoot, draft: ContainerRecord): ContainerRecord {
  const other = /^container:(.+)$/.exec(draft.network.mode)?.[1]
  if (other === undefined) return draft
  const { hostname, domainname } = findContainer(root, other, '--network container').record.config
  return { ...draft, config: { ...draft.config, hostname, domainname } }
}
