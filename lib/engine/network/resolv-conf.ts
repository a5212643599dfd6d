/**
 * /etc/resolv.conf of a container: the host's, as far as it is of use in another network, with what was asked for in place of its
 * lines. Source: docker's documentation of --dns and what it writes; slirp4netns(1).
 */
import { isIP } from 'node:net'

/** What was asked for; an empty list leaves the host's lines. */
export interface ResolvOptions {
  readonly dns: readonly string[]
  /** `.` alone: no search domains. */
  readonly search: readonly string[]
  readonly options: readonly string[]
}

/** Texts of the host. */
export interface HostResolver {
  /** /etc/resolv.conf. */
  readonly conf: string
  /** /run/systemd/resolve/resolv.conf: the servers behind the one at 127.0.0.53; '' without it. */
  readonly resolved: string
}

/** slirp4netns answers there itself, and asks as the host asks. */
const SLIRP_SERVER = '10.0.2.3'
/** When the host has no server that a container can reach: docker's. */
const LAST_RESORT = ['8.8.8.8', '8.8.4.4']
/** The C library reads no more. */
const SERVERS_MAX = 3

function words(text: string, keyword: string): string[][] {
  return text.split('\n').map(line => line.trim().split(/\s+/)).filter(([first, ...rest]) => first === keyword && rest.length > 0).map(([, ...rest]) => rest)
}

const isLoopback = (address: string): boolean => /^(127\.|::1(%|$))/.test(address)

/** Servers that a container in this mode can ask. */
function servers(mode: string, { conf, resolved }: HostResolver): string[] {
  const all = words(conf, 'nameserver').map(([address]) => address!)
  if (mode === 'host') return all
  if (mode === 'slirp4netns') return [SLIRP_SERVER]
  const reachable = (list: readonly string[]): string[] => list.filter(each => !isLoopback(each) && (mode === 'pasta' || isIP(each) === 4))
  const [own, behind] = [reachable(all), reachable(words(resolved, 'nameserver').map(([address]) => address!))]
  if (own.length > 0) return own
  return behind.length > 0 ? behind : mode === 'none' ? [] : LAST_RESORT
}

/** The text of the file. @param mode of the network */
export function resolvConf(mode: string, { dns, search, options }: ResolvOptions, host: HostResolver): string {
  const domains = search.length > 0 ? search.filter(each => each !== '.') : words(host.conf, 'search').at(-1) ?? words(host.conf, 'domain').at(-1) ?? []
  const settings = options.length > 0 ? options : words(host.conf, 'options').flat()
  return [
    ...(dns.length > 0 ? dns : servers(mode, host)).slice(0, SERVERS_MAX).map(each => `nameserver ${each}\n`),
    ...domains.length > 0 ? [`search ${domains.join(' ')}\n`] : [],
    ...settings.length > 0 ? [`options ${settings.join(' ')}\n`] : [],
  ].join('')
}
