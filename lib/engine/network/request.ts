/**
 * What a container asks of the network: docker's flags, checked, as it is kept in its record.
 */
import { usage } from '../../config/mount-error.js'
import { parseIpv4 } from './ipv4.js'
import { parsePort, parsePublish } from './ports.js'
import type { PortRequest } from './ports.js'
import { missing } from './usermode.js'

/** `record.network` of container.json: plain JSON. */
export interface NetworkRequest {
  /** `bridge`, `none`, `host`, `container:NAME`, `slirp4netns` or `pasta`. */
  readonly mode: string
  /** Somebody asked for this mode: what cannot be had is an error, not a note. */
  readonly asked: boolean
  /** Address in the bridge's subnet, '' for a free one. */
  readonly ip: string
  /** `02:42:ac:1d:00:02`, '' for one made of the address. */
  readonly mac: string
  readonly ports: readonly PortRequest[]
  /** `80/tcp`: told about only. */
  readonly exposed: readonly string[]
  readonly [more: string]: unknown
}

/** Values of the flags as commander gives them; a flag that was not given is undefined. */
export interface NetworkFlags {
  readonly network?: string
  readonly publish?: readonly string[]
  readonly publishAll?: true
  readonly expose?: readonly string[]
  readonly ip?: string
  readonly macAddress?: string
}

/** One flag of `run` and `create`. */
export interface NetworkFlag {
  readonly flags: string
  readonly help: string
  /** May be given more than once. */
  readonly many?: true
}

export const NETWORK_FLAGS: readonly NetworkFlag[] = [
  { flags: '--network <mode>', help: 'bridge, none, host, container:NAME; not root: slirp4netns, pasta' },
  { flags: '-p, --publish <port>', help: '[IP:][HOST-PORT:]PORT[/PROTO], ranges too: a port of the host that leads to one of the container', many: true },
  { flags: '-P, --publish-all', help: 'publish the ports of --expose, each on a free port of the host' },
  { flags: '--expose <port>', help: 'PORT[/PROTO] that the program listens on', many: true },
  { flags: '--ip <address>', help: "address in the bridge's subnet" },
  { flags: '--mac-address <address>', help: 'hardware address' },
]

const MODES = ['bridge', 'none', 'host', 'slirp4netns', 'pasta']

/** The mode that `--network` names. */
function modeOf(text: string): string {
  if (MODES.includes(text) || /^container:[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text)) return text
  throw usage(`--network ${text}`, `network ${text} not found; there are ${MODES.join(', ')}, container:NAME`, 'ENOENT')
}

/** For an ordinary user who asks for nothing: whichever can be had. */
function userMode(): string {
  return missing('slirp4netns') !== undefined && missing('pasta') === undefined ? 'pasta' : 'slirp4netns'
}

function macOf(text: string): string {
  const mac = text.toLowerCase().replaceAll('-', ':')
  // The lowest bit of the first byte would make it a group's.
  if (!/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(mac)) throw usage(`--mac-address ${text}`, `invalid MAC address: ${text}; write it as 02:42:ac:1d:00:02`)
  return mac
}

/**
 * The flags as a request.
 *
 * @param privileged the bridge can be had: we are root of the machine
 * @throws MountError EINVAL, ENOENT, exit code 2
 */
export function networkRequest(flags: NetworkFlags, privileged: boolean): NetworkRequest {
  const asked = flags.network !== undefined
  const named = flags.network === 'default' ? undefined : flags.network
  const mode = named === undefined ? (privileged ? 'bridge' : userMode()) : modeOf(named)
  if (mode === 'bridge' && !privileged) {
    throw usage('--network bridge', 'only root can make a bridge and its devices; an ordinary user has slirp4netns, pasta, none, host, container:NAME', 'EPERM')
  }
  const exposed = [...new Set((flags.expose ?? []).flatMap(each => parsePort('--expose', each)))]
  const ports = (flags.publish ?? []).flatMap(parsePublish)
  const all = flags.publishAll === true ? exposed.filter(each => !ports.some(({ port, protocol }) => each === `${port}/${protocol}`)) : []
  const own = mode === 'bridge'
  const reachable = own || mode === 'slirp4netns' || mode === 'pasta'
  for (const [flag, value] of [['--ip', flags.ip], ['--mac-address', flags.macAddress]]) {
    if (value !== undefined && !own) throw usage(`${flag} ${value}`, `conflicting options: it needs a network of its own, and --network is ${mode}`)
  }
  if (ports.length > 0 && !reachable && mode.startsWith('container:')) {
    throw usage('--publish', 'conflicting options: port publishing and the container type network mode')
  }
  if (flags.ip !== undefined && parseIpv4(flags.ip) === undefined) throw usage(`--ip ${flags.ip}`, `invalid IPv4 address: ${flags.ip}`)
  return {
    mode, asked, ip: flags.ip ?? '', mac: flags.macAddress === undefined ? '' : macOf(flags.macAddress),
    // As docker: with none and host there is nothing that a port could lead to.
    ports: reachable ? [...ports, ...all.map(each => freePort(each))] : [],
    exposed,
  }
}

function freePort(exposed: string): PortRequest {
  const [port, protocol] = exposed.split('/')
  return { ip: '', first: 0, last: 0, port: Number(port), protocol: protocol as PortRequest['protocol'] }
}
