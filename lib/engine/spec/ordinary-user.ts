/**
 * What has to be mounted otherwise in the user namespace of an ordinary user: file systems that show what belongs to a namespace of
 * the host can only be mounted by the host's root; there they are mounted already, and are bound.
 */
import { existsSync } from 'node:fs'
import { hasGroup } from '../../daemon/process-id.js'
import type { OciMount } from '../oci.js'
import type { ContainerRecord } from '../store/record.js'

/** The group of terminals, in every distribution. */
const TTY = 5

/** The mounts as he can have them. */
export function forOrdinaryUser(mounts: readonly OciMount[], { host, network }: Pick<ContainerRecord, 'host' | 'network'>): OciMount[] {
  return mounts.flatMap((mount) => {
    const { type, destination } = mount
    if (type === 'devpts' && !hasGroup(TTY)) return [{ ...mount, options: (mount.options ?? []).filter((word) => word !== `gid=${TTY}`) }]
    if (type === 'proc' && host.pidMode === 'host') return [bound(destination)]
    // With all that is mounted below it, for that cannot be left out; nothing of it can be written.
    if (type === 'sysfs' && network.mode === 'host') return [bound(destination, 'rro')]
    if (type === 'mqueue' && host.ipcMode === 'host') return existsSync(destination) ? [bound(destination)] : []
    return [mount]
  })
}

function bound(path: string, ...more: readonly string[]): OciMount {
  return { destination: path, type: 'bind', source: path, options: ['rbind', 'rprivate', 'nosuid', 'noexec', 'nodev', ...more] }
}
