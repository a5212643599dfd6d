/**
 * Published ports: `-p [IP:][HOST:]PORT[/PROTO]`, as docker reads them.
 */
import { usage } from '../../config/mount-error.js'
import { parseIpv4 } from './ipv4.js'

export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const
export type Protocol = typeof PROTOCOLS[number]

/** A port of the container that is to be reached at one of the host's from `first` to `last`. */
export interface PortRequest {
  /** Address of the host; '' for all. */
  readonly ip: string
  /** 0: any free one. */
  readonly first: number
  readonly last: number
  readonly port: number
  readonly protocol: Protocol
}

/** A port that is published. */
export interface PublishedPort {
  readonly ip: string
  readonly hostPort: number
  readonly port: number
  readonly protocol: Protocol
}

const PORTS_MAX = 4096

/** `80` or `80-90`; undefined for what is none. */
function range(text: string): readonly [number, number] | undefined {
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (first === undefined) return undefined
  const [from, to] = [Number(first), Number(last ?? first)]
  return from > 0 && from <= to && to <= 65535 ? [from, to] : undefined
}

function protocolOf(tried: string, text = 'tcp'): Protocol {
  const protocol = PROTOCOLS.find(each => each === text.toLowerCase())
  if (protocol === undefined) throw usage(tried, `invalid proto: ${text}; there are ${PROTOCOLS.join(', ')}`)
  return protocol
}

/** `80`, `80-82/udp` as `80/udp` and so on. */
export function parsePort(flag: string, text: string): string[] {
  const [ports, protocol, ...more] = text.split('/')
  const numbers = more.length > 0 ? undefined : range(ports!)
  if (numbers === undefined) throw usage(`${flag} ${text}`, `invalid port: ${text}; write PORT[-PORT][/PROTO], from 1 to 65535`)
  const word = protocolOf(`${flag} ${text}`, protocol)
  return Array.from({ length: numbers[1] - numbers[0] + 1 }, (_, i) => `${numbers[0] + i}/${word}`)
}

/** One value of `-p`: a row for each port of the container. @throws MountError EINVAL */
export function parsePublish(text: string): PortRequest[] {
  const tried = `--publish ${text}`
  const [, address, host, inside, proto] = /^(?:(?:(\[[^\]]*\]|[^:/]*):)?([\d-]*):)?([\d-]+)(?:\/(\w+))?$/.exec(text) ?? []
  const ports = inside === undefined ? undefined : range(inside)
  if (ports === undefined) throw usage(tried, `invalid publish opts format: ${text}; write [IP:][HOST-PORT:]PORT[/PROTO], ports from 1 to 65535`)
  const protocol = protocolOf(tried, proto)
  if (address?.startsWith('[') === true) throw usage(tried, 'ports are published on addresses of IPv4 only')
  if (address !== undefined && address !== '' && parseIpv4(address) === undefined) throw usage(tried, `invalid IP address: ${address}`)
  const ip = address === undefined || address === '0.0.0.0' ? '' : address
  const count = ports[1] - ports[0] + 1
  if (count > PORTS_MAX) throw usage(tried, `${count} ports; ${PORTS_MAX} are the most`)
  const on = host === undefined || host === '' ? [0, 0] as const : range(host)
  if (on === undefined) throw usage(tried, `invalid hostPort: ${host}`)
  // One port of the container and many of the host: whichever of them is free.
  if (count === 1 || on[0] === 0) return each(ports, protocol, ip, () => on)
  if (on[1] - on[0] + 1 !== count) throw usage(tried, `invalid ranges specified for container and host ports: ${inside} and ${host}`)
  return each(ports, protocol, ip, i => [on[0] + i, on[0] + i])
}

function each(ports: readonly [number, number], protocol: Protocol, ip: string, on: (i: number) => readonly [number, number]): PortRequest[] {
  return Array.from({ length: ports[1] - ports[0] + 1 }, (_, i) => ({ ip, first: on(i)[0], last: on(i)[1], port: ports[0] + i, protocol }))
}

/** `0.0.0.0:8080`. */
export function outside({ ip, hostPort }: Pick<PublishedPort, 'ip' | 'hostPort'>): string {
  return `${ip === '' ? '0.0.0.0' : ip}:${hostPort}`
}
