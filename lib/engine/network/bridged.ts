/**
 * A container on the bridge: a veth pair, an address, a route, its published ports.
 */
import { bootId } from '../store/status.js'
import { aliasOf, BRIDGE, deviceOf, errnoOf, macOf, makeBridge, readBridge, readPorts, routeLocalnet } from './bridge.js'
import type { Bridge, Port } from './bridge.js'
import { choosePort } from './free-port.js'
import { formatIpv4, parseIpv4, subnetSize } from './ipv4.js'
import type { PublishedPort } from './ports.js'
import type { NetworkRequest } from './request.js'
import type { NetworkState } from './state.js'
import { changeElements, makeTable, netOf, readTable } from './table.js'
import type { Element } from './table.js'
import { firstLine, ipBatch, ipJson, networkError, runTool } from './tools.js'

/** Others may take the address or the port that was just chosen. */
const ATTEMPTS = 64
/** So many addresses from the first free one on are tried at random when many containers start at once. */
const SPREAD = 16

/** The address that is to be tried. @param attempt from 0 on */
function chooseAddress({ subnet, gateway }: Bridge, taken: ReadonlySet<number>, attempt: number): number {
  const last = subnet.base + subnetSize(subnet) - 2
  let skip = attempt === 0 ? 0 : Math.floor(Math.random() * SPREAD)
  let free: number | undefined
  for (let address = subnet.base + 1; address <= last; address++) {
    if (address === gateway || taken.has(address)) continue
    free = address
    if (skip-- === 0) break
  }
  if (free === undefined) throw networkError(`bridge ${BRIDGE}`, 'EADDRNOTAVAIL', 'no available IPv4 addresses on this network')
  return free
}

/** The address that was asked for. */
function givenAddress({ subnet, gateway }: Bridge, text: string): number {
  const address = parseIpv4(text)!
  const inside = address > subnet.base && address < subnet.base + subnetSize(subnet) - 1
  if (!inside) throw networkError(`--ip ${text}`, 'EADDRNOTAVAIL', `no configured subnet contains IP address ${text}; the bridge has ${formatIpv4(subnet.base)}/${subnet.bits}`)
  if (address === gateway) throw networkError(`--ip ${text}`, 'EADDRINUSE', 'it is the address of the bridge')
  return address
}

/** Make the pair of devices, and take the address by it. @param ports that were there a moment ago */
async function makeVeth(bridge: Bridge, ports: readonly Port[], { ip, mac }: NetworkRequest, id: string, pid: number): Promise<{ address: number, mac: string }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const taken = attempt === 0 ? ports : await readPorts()
    const address = ip === '' ? chooseAddress(bridge, new Set(taken.map(port => port.address)), attempt) : givenAddress(bridge, ip)
    const device = deviceOf(address)
    const hardware = mac === '' ? macOf(address) : mac
    const made = await ipBatch([
      `link add ${device} mtu ${bridge.mtu} type veth peer name eth0 mtu ${bridge.mtu} address ${hardware} netns ${pid}`,
      `link set dev ${device} alias ${aliasOf(id)} master ${BRIDGE} up`,
      `link set dev ${device} type bridge_slave hairpin on`,
      `link set dev ${BRIDGE} up`,
    ])
    if (made.code === 0) return { address, mac: hardware }
    const first = /Command failed -:1\b/.test(made.stderr)
    if (!first) await ipBatch([`link del ${device}`])
    if (!first || !/File exists/.test(made.stderr)) throw networkError('network bridge', errnoOf(made.stderr), `the devices of the container cannot be made: ${firstLine(made)}`)
    if (ip !== '') throw networkError(`--ip ${ip}`, 'EADDRINUSE', 'Address already in use')
  }
  throw networkError('network bridge', 'EADDRINUSE', `${ATTEMPTS} times another container was faster`)
}

/** The container's side. */
async function configure({ subnet, gateway }: Bridge, address: number, pid: number): Promise<void> {
  const outcome = await ipBatch([
    'link set lo up',
    `addr add ${formatIpv4(address)}/${subnet.bits} broadcast ${formatIpv4(subnet.base + subnetSize(subnet) - 1)} dev eth0`,
    'link set eth0 up',
    `route add default via ${formatIpv4(gateway)}`,
  ], pid)
  if (outcome.code !== 0) throw networkError('network bridge', errnoOf(outcome.stderr), `the container's side cannot be set up: ${firstLine(outcome)}`)
}

/** Publish its ports. What stands in the table for its address is of a container that is dead. */
async function publish(bridge: Bridge, { ports }: NetworkRequest, id: string, address: number, note: (line: string) => void): Promise<PublishedPort[]> {
  const to = formatIpv4(address)
  const net = netOf(bridge.subnet)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const table = await readTable()
    if (table === undefined) {
      const line = await makeTable(bridge.subnet)
      if (line !== undefined) note(line)
    }
    const { elements, nets } = table ?? { elements: [], nets: [net] }
    const stale = elements.filter(each => each.to === to)
    const taken: PublishedPort[] = elements.filter(each => each.to !== to)
    const chosen: Element[] = []
    for (const request of ports) {
      const port = await choosePort(request, taken)
      taken.push(port)
      chosen.push({ ...port, to, id })
    }
    if (await changeElements(stale, chosen, nets.includes(net) ? undefined : net)) return chosen.map(({ ip, hostPort, port, protocol }) => ({ ip, hostPort, port, protocol }))
  }
  throw networkError('published ports', 'EADDRINUSE', `${ATTEMPTS} times another container was faster`)
}

/**
 * Connect the network namespace of a process that waits to go on.
 *
 * @throws MountError; nothing is left then
 */
export async function connectBridge(request: NetworkRequest, id: string, pid: number, note: (line: string) => void): Promise<NetworkState> {
  const [found, devices] = await Promise.all([readBridge(), readPorts()])
  const bridge = found ?? await makeBridge()
  routeLocalnet()
  const { address, mac } = await makeVeth(bridge, devices, request, id, pid)
  try {
    // Both have ended before anything is taken back.
    const [published, configured] = await Promise.allSettled([publish(bridge, request, id, address, note), configure(bridge, address, pid)])
    if (published.status === 'rejected') throw published.reason
    if (configured.status === 'rejected') throw configured.reason
    const ports = published.value
    return {
      mode: 'bridge', address: formatIpv4(address), prefix: bridge.subnet.bits, gateway: formatIpv4(bridge.gateway), mac, ports,
      device: deviceOf(address), boot: bootId(),
    }
  } catch (error) {
    await unpublish(id)
    await removeVeth(deviceOf(address), id)
    throw error
  }
}

/** Take a container's ports out of the table. Idempotent. */
export async function unpublish(id: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { elements } = await readTable() ?? { elements: [] }
    if (await changeElements(elements.filter(each => each.id === id), [])) return
  }
  throw networkError('published ports', 'EBUSY', 'they cannot be taken away; others change the table all the time')
}

/** Remove a container's device, if it is there and its own. The pair goes away together. */
export async function removeVeth(device: string, id: string): Promise<void> {
  const [link] = await ipJson('link', 'show', 'dev', device)
  if (link?.['ifalias'] !== aliasOf(id)) return
  const outcome = await runTool('ip', ['link', 'del', device])
  if (outcome.code !== 0 && !/Cannot find device/.test(outcome.stderr)) throw networkError(`device ${device}`, errnoOf(outcome.stderr), firstLine(outcome))
}
