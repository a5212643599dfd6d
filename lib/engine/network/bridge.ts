/**
 * The bridge of this machine, `tsaufs0`, and the addresses on it. An address is taken by the name of its veth device, which
 * the kernel gives to one only and takes back with the container's namespace: there is no list that a crash could leave behind.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { usage } from '../../config/mount-error.js'
import { formatIpv4, overlap, parseIpv4, parseSubnet, subnetSize } from './ipv4.js'
import type { Subnet } from './ipv4.js'
import { firstLine, ipBatch, ipJson, networkError } from './tools.js'

export const BRIDGE = 'tsaufs0'
/** Subnets that are tried, as docker has them, but from the other end. */
const SUBNETS = ['172.29.0.0/16', '172.30.0.0/16', '172.31.0.0/16', ...Array.from({ length: 11 }, (_, i) => `172.${28 - i}.0.0/16`),
  ...Array.from({ length: 16 }, (_, i) => `192.168.${i * 16}.0/20`)]
/** The subnet of a bridge that is yet to be made. */
const SUBNET_VARIABLE = 'TSAUFS_BRIDGE_SUBNET'
const ALIAS = 'tsaufs:'

export interface Bridge {
  readonly subnet: Subnet
  readonly gateway: number
  readonly mtu: number
}

/** A container's end on the bridge. */
export interface Port {
  readonly device: string
  readonly address: number
  /** Whose; '' when it is not known. */
  readonly id: string
}

/** Name of the device that stands for an address. */
export function deviceOf(address: number): string {
  return `ts${address.toString(16).padStart(8, '0')}`
}

/** The mark of a container on its device. */
export function aliasOf(id: string): string {
  return `${ALIAS}${id}`
}

/** The bridge, or undefined when it is not there. */
export async function readBridge(): Promise<Bridge | undefined> {
  const [link] = await ipJson('-4', 'addr', 'show', 'dev', BRIDGE)
  if (link === undefined) return undefined
  const [first] = (link['addr_info'] ?? []) as readonly { local: string, prefixlen: number }[]
  const subnet = first === undefined ? undefined : parseSubnet(`${first.local}/${first.prefixlen}`)
  if (first === undefined || subnet === undefined) {
    throw networkError(`bridge ${BRIDGE}`, 'EADDRNOTAVAIL', `it has no address; give it one, or remove it with 'ip link del ${BRIDGE}'`)
  }
  return { subnet, gateway: parseIpv4(first.local)!, mtu: Number(link['mtu']) }
}

/** The ends of all containers on the bridge. */
export async function readPorts(): Promise<Port[]> {
  return (await ipJson('link', 'show', 'master', BRIDGE)).flatMap(({ ifname, ifalias }) => {
    const [, hex] = /^ts([0-9a-f]{8})$/.exec(String(ifname)) ?? []
    if (hex === undefined) return []
    const alias = typeof ifalias === 'string' && ifalias.startsWith(ALIAS) ? ifalias.slice(ALIAS.length) : ''
    return [{ device: String(ifname), address: parseInt(hex, 16), id: alias }]
  })
}

/** The subnet for a new bridge: what the variable says, or the first one that no route leads to. */
async function chooseSubnet(routes: readonly Readonly<Record<string, unknown>>[]): Promise<Subnet> {
  const asked = process.env[SUBNET_VARIABLE]
  if (asked !== undefined && asked !== '') {
    const subnet = parseSubnet(asked)
    if (subnet === undefined || subnet.bits < 8 || subnet.bits > 29) throw usage(`${SUBNET_VARIABLE}=${asked}`, 'write a subnet like 172.29.0.0/16, with a prefix from 8 to 29')
    return subnet
  }
  const taken = routes.flatMap(({ dst }) => parseSubnet(String(dst).includes('/') ? String(dst) : `${String(dst)}/32`) ?? [])
  const free = SUBNETS.map(each => parseSubnet(each)!).find(subnet => !taken.some(other => overlap(subnet, other)))
  if (free === undefined) throw networkError(`bridge ${BRIDGE}`, 'EADDRINUSE', `no subnet is free; set ${SUBNET_VARIABLE}`)
  return free
}

/** As much as goes out of this machine in one piece. */
async function outwardMtu(routes: readonly Readonly<Record<string, unknown>>[]): Promise<number> {
  const device = routes.find(({ dst }) => dst === 'default')?.['dev']
  const [link] = device === undefined ? [] : await ipJson('link', 'show', 'dev', String(device))
  const mtu = Number(link?.['mtu'] ?? NaN)
  return mtu >= 1280 && mtu <= 1500 ? mtu : 1500
}

/** Make the bridge, or take the one that somebody else has made meanwhile: it gets its name when it has its address. */
export async function makeBridge(): Promise<Bridge> {
  const routes = await ipJson('-4', 'route', 'show', 'table', 'all')
  const [subnet, mtu] = await Promise.all([chooseSubnet(routes), outwardMtu(routes)])
  const gateway = subnet.base + 1
  const draft = `tsaufs-${process.pid}`
  const made = await ipBatch([
    `link add ${draft} address ${macOf(gateway)} mtu ${mtu} type bridge`,
    `addr add ${formatIpv4(gateway)}/${subnet.bits} broadcast ${formatIpv4(subnet.base + subnetSize(subnet) - 1)} dev ${draft}`,
    `link set ${draft} name ${BRIDGE}`,
  ])
  if (made.code !== 0) await ipBatch([`link del ${draft}`])
  if (made.code !== 0 && !/File exists/.test(made.stderr)) throw networkError(`bridge ${BRIDGE}`, errnoOf(made.stderr), firstLine(made))
  const bridge = await readBridge()
  if (bridge === undefined) throw networkError(`bridge ${BRIDGE}`, 'ENODEV', 'it went away while it was made')
  return bridge
}

/** What comes to 127.0.0.1 may go on to a container, and come back as if from there (see the table's chain `guard`). */
export function routeLocalnet(): void {
  const name = `net/ipv4/conf/${BRIDGE}/route_localnet`
  if (readFileSync(`/proc/sys/${name}`, 'latin1').trim() !== '1') setSysctl(name, '1')
}

/** A hardware address that is made of an address, as docker makes them: who gets the address again is known already. */
export function macOf(address: number): string {
  return ['02', '42', ...[24, 16, 8, 0].map(shift => ((address >>> shift) & 255).toString(16).padStart(2, '0'))].join(':')
}

/** The errno that ip(8) tells by its text. */
export function errnoOf(text: string): string {
  const known: readonly (readonly [RegExp, string])[] = [
    [/File exists/, 'EEXIST'], [/Operation not permitted/, 'EPERM'], [/No such process/, 'ESRCH'], [/Cannot find device|No such device/, 'ENODEV'],
    [/not supported|Unknown device type/, 'EOPNOTSUPP'], [/No such file/, 'ENOENT'],
  ]
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? 'EIO'
}

/** The machine passes on what is not for itself. */
export function forwards(): boolean {
  return readFileSync('/proc/sys/net/ipv4/ip_forward', 'latin1').trim() === '1'
}

/** Write a sysctl of this network namespace. @throws MountError when it cannot be set */
export function setSysctl(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name}`, value)
  } catch (error) {
    throw networkError(`sysctl ${name.replaceAll('/', '.')}=${value}`, (error as NodeJS.ErrnoException).code ?? 'EIO', 'the bridge needs it; set it, or use --network none or host')
  }
}
