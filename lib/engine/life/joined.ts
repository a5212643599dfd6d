/** Namespaces of other containers that one shares. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { failure, RUN_EXIT } from '../error.js'
import type { NamespaceType } from '../oci.js'
import { hasUserNamespace, type StartFacts } from '../spec/config.js'
import type { IdMaps } from '../spec/userns.js'
import { findContainer } from '../store/containers.js'
import type { ContainerRecord } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { stateOf } from '../store/status.js'
import { containerOf } from './create.js'

/** What is another container's. */
export interface Joined {
  /** Paths of namespaces. */
  readonly joined: StartFacts['joined']
  /** With its network: the directory of hosts, hostname and resolv.conf. */
  readonly files?: string
  /** With its user namespace: its ids. */
  readonly idMaps?: IdMaps
}

/** Names of the files in /proc/PID/ns. */
const FILES: Readonly<Partial<Record<NamespaceType, string>>> = { network: 'net' }
/** Of these something is mounted, which only the root of the user namespace may that they belong to. */
const OWNED: readonly NamespaceType[] = ['pid', 'network', 'ipc', 'cgroup']

/** The namespaces of other containers. @throws MountError when one of them does not run, or cannot be shared */
export function joinedNamespaces(root: StateRoot, record: ContainerRecord, tried: string): Joined {
  const { host, network } = record
  const modes: Partial<Record<NamespaceType, string>> = {
    pid: host.pidMode, network: network.mode, ipc: host.ipcMode, uts: host.utsMode, cgroup: host.cgroupnsMode, user: host.usernsMode,
    time: host.timensMode ?? '',
  }
  const joined: Partial<Record<NamespaceType, string>> = {}
  let files: string | undefined
  let idMaps: IdMaps | undefined
  for (const [type, mode] of Object.entries(modes) as [NamespaceType, string][]) {
    const ref = containerOf(mode)
    if (ref === undefined) continue
    const other = findContainer(root, ref, tried)
    const { status, pid } = stateOf(other)
    if (status !== 'running') {
      throw failure(tried, 'ESRCH', `cannot join the ${type} namespace of a non running container: ${ref}`, RUN_EXIT.ENGINE)
    }
    if (type === 'network') files = join(other.dir, 'files')
    if (type === 'user') idMaps = other.record.host.idMaps
    joined[type] = `/proc/${pid}/ns/${FILES[type] ?? type}`
  }
  if (hasUserNamespace(host)) checkOwners(modes, joined, tried)
  return { joined, ...(files === undefined ? {} : { files }), ...(idMaps === undefined ? {} : { idMaps }) }
}

function checkOwners(modes: Partial<Record<NamespaceType, string>>, joined: StartFacts['joined'], tried: string): void {
  const ours = joined.user === undefined ? undefined : statSync(joined.user).ino
  for (const type of OWNED) {
    const path = joined[type]
    if (path === undefined || statSync(path.replace(/[^/]*$/, 'user')).ino === ours) continue
    const advice = `the ${type} namespace of ${modes[type]} belongs to another user namespace; both must have the same one`
    throw failure(tried, 'EPERM', advice, RUN_EXIT.ENGINE)
  }
}
