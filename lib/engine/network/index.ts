/**
 * The network of containers: what the life cycle calls.
 */
import { MountError } from '../../config/mount-error.js'
import { connectBridge, removeVeth, unpublish } from './bridged.js'
import { outside } from './ports.js'
import { readState, removeState, writeState } from './state.js'
import type { Networked, NetworkState } from './state.js'
import { connectUserMode, endHelper, missing } from './usermode.js'

export { NETWORK_FLAGS, networkRequest } from './request.js'
export type { NetworkFlags, NetworkRequest } from './request.js'
export { sweepNetwork } from './sweep.js'

/** Where a container is in the network; '' for what it has not. */
export interface Connection {
  readonly address: string
  /** What `host-gateway` of --add-host means. */
  readonly gateway: string
}

/** What people are told of a container's network. */
export interface NetworkView {
  /** The column of `ps`: `0.0.0.0:8080->80/tcp`. */
  readonly ports: string
  /** `80/tcp` and `0.0.0.0:8080` of each published port. */
  readonly published: readonly (readonly [inside: string, outside: string])[]
  /** HostConfig.PortBindings. */
  readonly bindings: Readonly<Record<string, unknown>>
  /** NetworkSettings. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** No such program, no such devices in the kernel, no rights. */
const CANNOT = ['ENOENT', 'EOPNOTSUPP', 'EPERM', 'EROFS']

/** Modes in which nothing has to be set up. */
const plain = (mode: string): boolean => mode === 'none' || mode === 'host' || mode.startsWith('container:')

/**
 * Connect a container whose first process waits to go on.
 *
 * @param pid of that process, in its namespaces
 * @param note gets what could not be done and nobody asked for
 * @throws MountError, exit code 125; nothing is left then
 */
export async function connectNetwork({ dir, record: { id, network } }: Networked, pid: number, note: (line: string) => void): Promise<Connection> {
  if (plain(network.mode)) return { address: '', gateway: '' }
  const state = await connect(network, id, pid, note)
  if (state === undefined) return { address: '', gateway: '' }
  try {
    writeState(dir, state)
  } catch (error) {
    await takeAway(state, id)
    throw error
  }
  return { address: state.address, gateway: state.gateway }
}

async function connect(network: Networked['record']['network'], id: string, pid: number, note: (line: string) => void): Promise<NetworkState | undefined> {
  if (network.mode === 'slirp4netns' || network.mode === 'pasta') {
    const reason = missing(network.mode)
    if (reason === undefined || network.asked || network.ports.length > 0) return connectUserMode(network.mode, network, pid)
    note(`no network: ${reason.advice}`)
    return undefined
  }
  try {
    return await connectBridge(network, id, pid, note)
  } catch (error) {
    // Nobody has asked for the bridge, and this machine cannot have one.
    const unasked = !network.asked && network.ports.length === 0 && network.ip === ''
    if (!(error instanceof MountError) || !unasked || !CANNOT.includes(error.code)) throw error
    note(`no network: ${error.message}`)
    return undefined
  }
}

async function takeAway(state: NetworkState, id: string): Promise<void> {
  endHelper(state)
  if (state.device === undefined) return
  if (state.ports.length > 0) await unpublish(id)
  await removeVeth(state.device, id)
}

/** Take away what a container has of the network. Idempotent, also after a crash. */
export async function disconnectNetwork({ dir, record }: Networked): Promise<void> {
  const state = readState(dir)
  if (state === undefined) return
  await takeAway(state, record.id)
  removeState(dir)
}

/** What people are told of it. */
export function describeNetwork({ dir, record: { network } }: Networked): NetworkView {
  const state = readState(dir)
  const ports = state?.ports ?? []
  const key = ({ port, protocol }: { readonly port: number, readonly protocol: string }): string => `${port}/${protocol}`
  const inside: Record<string, unknown> = Object.fromEntries((network.exposed ?? []).map(each => [each, null]))
  for (const each of ports) {
    inside[key(each)] = [...inside[key(each)] as unknown[] ?? [], { HostIp: each.ip === '' ? '0.0.0.0' : each.ip, HostPort: String(each.hostPort) }]
  }
  const bindings: Record<string, unknown[]> = {}
  for (const each of network.ports ?? []) {
    const hostPort = each.first === 0 ? '' : each.first === each.last ? String(each.first) : `${each.first}-${each.last}`
    bindings[key(each)] = [...bindings[key(each)] ?? [], { HostIp: each.ip, HostPort: hostPort }]
  }
  const address = { IPAddress: state?.address ?? '', IPPrefixLen: state?.prefix ?? 0, Gateway: state?.gateway ?? '', MacAddress: state?.mac ?? '' }
  const unpublished = (network.exposed ?? []).filter(each => !ports.some(port => key(port) === each))
  return {
    ports: [...ports.map(each => `${outside(each)}->${key(each)}`), ...unpublished].join(', '),
    published: ports.map(each => [key(each), outside(each)]),
    bindings,
    settings: { ...address, Ports: inside, Networks: network.mode.startsWith('container:') ? {} : { [network.mode]: address } },
  }
}
