/** A new container: its record, its branches. Nothing is mounted. */
import { addContainer, findContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import type { Container, ContainerRecord } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { makeRootfs } from '../rootfs/mount.js'
import { withAutoIds } from './auto-ids.js'
import { prepareVolumes, withVolumesFrom } from './volumes.js'

/** Keep it, under a name of its own if it was not given one. @throws MountError when the name is taken; nothing is left then */
export async function createContainer(root: StateRoot, draft: ContainerRecord): Promise<Container> {
  const { record, undo } = await prepareVolumes(root, withVolumesFrom(root, withHostname(root, draft)))
  let container: Container
  try {
    container = await addContainer(root, record, (dir) => makeRootfs(dir, draft.layers), (made) => withAutoIds(root, made))
  } catch (error) {
    await undo()
    throw error
  }
  tellEvent(root, container.record, 'create')
  return container
}

/** Who shares a network, or a name, has the name that it is known by there. @throws MountError when a container it shares with is not there */
function withHostname(root: StateRoot, draft: ContainerRecord): ContainerRecord {
  const { host, network } = draft
  const modes = {
    network: network.mode, uts: host.utsMode, pid: host.pidMode, ipc: host.ipcMode, cgroupns: host.cgroupnsMode, userns: host.usernsMode, timens: host.timensMode ?? '',
  }
  const found = Object.entries(modes).map(([flag, mode]) => {
    const other = containerOf(mode)
    return other === undefined ? undefined : findContainer(root, other, `--${flag} container`)
  })
  const named = found[0] ?? found[1]
  if (named === undefined) return draft
  const { hostname, domainname } = named.record.config
  return { ...draft, config: { ...draft.config, hostname, domainname } }
}

/** `NAME` of `container:NAME`. */
export function containerOf(mode: string): string | undefined {
  return /^container:(.+)$/s.exec(mode)?.[1]
}
