/**
 * The files that are bind-mounted over the stubs: hosts, hostname, resolv.conf. Written anew at each start.
 */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bytes } from '../../os/native.js'
import { resolvConf } from '../network/resolv-conf.js'
import { rootOf } from '../spec/userns.js'
import type { ContainerRecord } from '../store/record.js'

/** Source: docker, libnetwork/etchosts. */
const HOSTS = [
  '127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::\tip6-localnet', 'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes', 'ff02::2\tip6-allrouters',
]
const READ_MAX = 1 << 20

/** Where a container is in its network; '' for what it has not, or not yet. */
export interface Addresses {
  readonly address: string
  readonly gateway: string
}

/** Write the three into the directory `files` of the container's. */
export function writeFiles(dir: string, record: ContainerRecord, addresses: Addresses = { address: '', gateway: '' }): void {
  const files = join(dir, 'files')
  mkdirSync(files, { recursive: true, mode: 0o755 })
  const { idMaps } = record.host
  const owner = idMaps === undefined || process.geteuid?.() !== 0 ? undefined : rootOf(idMaps)
  const write = (name: string, text: Bytes): void => {
    // In place: it may be mounted in a container, where a new file would not be seen.
    writeFileSync(join(files, name), text, { encoding: 'latin1', mode: 0o644 })
    if (owner !== undefined) chownSync(join(files, name), owner.uid, owner.gid)
  }
  const { mode } = record.network
  write('hostname', `${record.config.hostname}\n`)
  write('hosts', hosts(record, addresses))
  const { dns, dnsSearch: search, dnsOptions: options } = record.host
  const host = { conf: readHost('/etc/resolv.conf'), resolved: readHost('/run/systemd/resolve/resolv.conf') }
  write('resolv.conf', resolvConf(mode, { dns, search, options }, host))
}

function hosts({ network, config, host }: ContainerRecord, { address, gateway }: Addresses): Bytes {
  const base = network.mode === 'host' ? readHost('/etc/hosts').replace(/\n$/, '').split('\n') : HOSTS
  const name = config.domainname === '' ? config.hostname : `${config.hostname}.${config.domainname} ${config.hostname}`
  const extra = host.extraHosts.flatMap((entry) => {
    const at = entry.indexOf(':')
    const ip = entry.slice(at + 1) === 'host-gateway' ? gateway : entry.slice(at + 1)
    return ip === '' ? [] : [`${ip}\t${entry.slice(0, at)}`]
  })
  return `${[...base, ...extra, ...(address === '' ? [] : [`${address}\t${name}`])].join('\n')}\n`
}

function readHost(path: string): Bytes {
  try {
    return readFileSync(path, 'latin1').slice(0, READ_MAX)
  } catch {
    return ''
  }
}
