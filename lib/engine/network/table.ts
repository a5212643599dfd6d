/**
 * The nft table of this machine's bridge, `ip tsaufs`: translation of addresses, published ports, and what may go on to a
 * container. Everything of ours is in it and nothing else, so that removing it removes all. A published port is an element
 * of a map: the kernel refuses a second one for the same port.
 */
import { BRIDGE, forwards, setSysctl } from './bridge.js'
import { formatIpv4 } from './ipv4.js'
import type { Subnet } from './ipv4.js'
import type { Protocol, PublishedPort } from './ports.js'
import { firstLine, networkError, runTool } from './tools.js'

const TABLE = 'ip tsaufs'

/** A published port as the kernel has it. */
export interface Element extends PublishedPort {
  /** Address of the container. */
  readonly to: string
  /** Its id. */
  readonly id: string
}

export interface Table {
  readonly elements: readonly Element[]
  /** Subnets that are translated: `172.29.0.0/16`. */
  readonly nets: readonly string[]
}

/** A subnet as nft writes it. */
export function netOf(subnet: Subnet): string {
  return `${formatIpv4(subnet.base)}/${subnet.bits}`
}

/** The whole table. With `closed` nothing is passed on that has nothing to do with containers: it was not before. */
function tableText(subnet: Subnet, closed: boolean): string {
  return `create table ${TABLE}
table ${TABLE} {
  set nets { type ipv4_addr; flags interval; auto-merge; elements = { ${netOf(subnet)} } }
  map given { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }
  map any { type inet_proto . inet_service : ipv4_addr . inet_service; }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }
  chain published {
    dnat ip to meta l4proto . ip daddr . th dport map @given
    dnat ip to meta l4proto . th dport map @any
  }
  chain arriving {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }
  chain local {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }
  chain leaving {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @nets oifname != "${BRIDGE}" masquerade
    ip saddr 127.0.0.0/8 oifname "${BRIDGE}" masquerade
    ip saddr @nets ip daddr @nets ct status dnat masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${BRIDGE}" accept
    oifname != "${BRIDGE}" ${closed ? 'drop' : 'accept'}
    ct state established,related accept
    ct status dnat accept
    drop
  }
}
`
}

const place = ({ ip, hostPort, protocol }: PublishedPort): { map: string, key: string } =>
  ip === '' ? { map: 'any', key: `${protocol} . ${hostPort}` } : { map: 'given', key: `${protocol} . ${ip} . ${hostPort}` }

interface Listed {
  readonly map?: { readonly elem?: readonly [unknown, { readonly concat: readonly [string, number] }][] }
  readonly set?: { readonly elem?: readonly { readonly prefix?: { readonly addr: string, readonly len: number } }[] }
}

/** What is in the table; undefined when it is not there. */
export async function readTable(): Promise<Table | undefined> {
  const outcome = await runTool('nft', ['-j', 'list', 'table', ...TABLE.split(' ')])
  if (outcome.code !== 0) {
    if (/No such file or directory/.test(outcome.stderr)) return undefined
    throw networkError(`nft table ${TABLE}`, 'EIO', firstLine(outcome))
  }
  const { nftables } = JSON.parse(outcome.stdout) as { nftables: readonly Listed[] }
  return {
    elements: nftables.flatMap(({ map }) => (map?.elem ?? []).map(([left, right]) => elementOf(left, right.concat))),
    nets: nftables.flatMap(({ set }) => (set?.elem ?? []).flatMap(({ prefix }) => prefix === undefined ? [] : `${prefix.addr}/${prefix.len}`)),
  }
}

function elementOf(left: unknown, [to, port]: readonly [string, number]): Element {
  // With a comment the key is wrapped.
  const { val, comment = '' } = (left as { elem?: { val: unknown, comment?: string } }).elem ?? { val: left }
  const key = (val as { concat: readonly (string | number)[] }).concat
  return { ip: key.length === 3 ? String(key[1]) : '', hostPort: Number(key.at(-1)), port, protocol: key[0] as Protocol, to, id: comment }
}

/** Make the table, if nobody else has just done so. @returns a note for people when the machine's forwarding was switched on */
export async function makeTable(subnet: Subnet): Promise<string | undefined> {
  const closed = !forwards()
  if (closed) setSysctl('net/ipv4/ip_forward', '1')
  const outcome = await runTool('nft', ['-f', '-'], tableText(subnet, closed))
  if (outcome.code !== 0 && !/File exists/.test(outcome.stderr)) throw networkError(`nft table ${TABLE}`, 'EIO', firstLine(outcome))
  return closed ? 'net.ipv4.ip_forward was 0 and is 1 now; only what comes from or goes to containers is forwarded' : undefined
}

/**
 * Take ports away and publish others, all or nothing.
 *
 * @param net a subnet to be translated as well
 * @returns false when one of the new ones is taken
 */
export async function changeElements(remove: readonly PublishedPort[], add: readonly Element[], net?: string): Promise<boolean> {
  const lines = [
    ...net === undefined ? [] : [`add element ${TABLE} nets { ${net} }`],
    ...remove.map(each => `delete element ${TABLE} ${place(each).map} { ${place(each).key} }`),
    ...add.map(each => `create element ${TABLE} ${place(each).map} { ${place(each).key} comment "${each.id}" : ${each.to} . ${each.port} }`),
  ]
  if (lines.length === 0) return true
  const outcome = await runTool('nft', ['-f', '-'], `${lines.join('\n')}\n`)
  if (outcome.code === 0) return true
  // What was to be removed went away by itself, or somebody else was faster.
  if (/File exists|No such file/.test(outcome.stderr)) return false
  throw networkError('published ports', 'EIO', firstLine(outcome))
}

/** Remove the table with all there is in it. Idempotent. */
export async function removeTable(): Promise<void> {
  const outcome = await runTool('nft', ['delete', 'table', ...TABLE.split(' ')])
  if (outcome.code !== 0 && !/No such file or directory/.test(outcome.stderr)) throw networkError(`nft table ${TABLE}`, 'EIO', firstLine(outcome))
}
