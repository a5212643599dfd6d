/** Sysctls that belong to a namespace of the container. One that does not would change the host. */
import type { NamespaceType } from '../oci.js'
import type { NamespacePlan } from './namespaces.js'
import { Op, PlanError, record, text, type PlanRecord } from './wire.js'

const IPC_KEYS = new Set(['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(key => `kernel/${key}`))

/** `net.ipv4.conf.eth0/1.forwarding` -> `net/ipv4/conf/eth0.1/forwarding`; with a slash first, slashes separate: sysctl(8). */
function sysctlPath(key: string): string {
  const separator = /[./]/.exec(key)?.[0]
  if (separator !== '.') return key
  return key.replace(/[./]/g, each => each === '.' ? '/' : '.')
}

function ownerOf(path: string): NamespaceType | undefined {
  if (IPC_KEYS.has(path) || path.startsWith('fs/mqueue/')) return 'ipc'
  if (path.startsWith('net/')) return 'network'
  return path === 'kernel/domainname' || path === 'kernel/hostname' ? 'uts' : undefined
}

/** @throws PlanError for a key that belongs to no namespace, or to one the container shares with the host. */
export function sysctlSteps(sysctls: Readonly<Record<string, string>> = {}, { made, joined }: NamespacePlan): PlanRecord[] {
  return Object.entries(sysctls).map(([key, value]) => {
    const path = sysctlPath(key)
    if (path.split('/').some(part => part === '' || part === '.' || part === '..')) throw new PlanError(`sysctl ${key} is no key`)
    const owner = ownerOf(path)
    if (owner === undefined) throw new PlanError(`sysctl ${key} belongs to no namespace: it would change the host`)
    if (!made.has(owner) && !joined.has(owner)) throw new PlanError(`sysctl ${key} needs a ${owner} namespace of the container`)
    return record(Op.SYSCTL, text(path), text(value))
  })
}
