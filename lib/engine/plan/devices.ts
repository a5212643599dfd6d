/** Devices and links that every container has in /dev, and those it asks for. */
import type { OciConfig, OciDevice } from '../oci.js'
import { cleanPath } from './mounts.js'
import { Op, PlanError, record, text, u32, type PlanRecord } from './wire.js'

/** Source: OCI config-linux.md, "Default Devices". /dev/console comes with the terminal, /dev/ptmx is a link. */
const DEFAULT_DEVICES: readonly OciDevice[] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
  { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  { path: '/dev/random', type: 'c', major: 1, minor: 8 },
  { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
  { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
]
/** Source: OCI config-linux.md, "Dev symbolic links". */
const LINKS: readonly (readonly [to: string, path: string])[] = [
  ['/proc/self/fd', '/dev/fd'],
  ['/proc/self/fd/0', '/dev/stdin'],
  ['/proc/self/fd/1', '/dev/stdout'],
  ['/proc/self/fd/2', '/dev/stderr'],
  ['pts/ptmx', '/dev/ptmx'],
]

function deviceRecord(device: OciDevice, mounts: boolean): PlanRecord {
  const path = cleanPath(device.path, 'the path of a device')
  const letter = device.type === 'u' ? 'c' : device.type
  if (!['c', 'b', 'p'].includes(letter)) throw new PlanError(`device ${path}: unknown type ${device.type}`)
  if (letter !== 'p' && (device.major === undefined || device.minor === undefined)) throw new PlanError(`device ${path} has no number`)
  return record(
    Op.DEVICE, text(path), u32(letter.charCodeAt(0)), u32(device.major ?? 0), u32(device.minor ?? 0),
    u32(device.fileMode ?? 0o666), u32(device.uid ?? 0), u32(device.gid ?? 0), text(mounts ? device.path : ''),
  )
}

/**
 * Steps that fill /dev. Nothing, when a /dev of the host is mounted there.
 * @param mounts  in a user namespace nodes cannot be made: the host's are mounted instead.
 */
export function deviceSteps(config: OciConfig, mounts: boolean): PlanRecord[] {
  const isHosts = (config.mounts ?? []).some(mount => cleanPath(mount.destination, 'the destination of a mount') === '/dev'
    && (mount.type === 'bind' || (mount.options ?? []).some(option => option === 'bind' || option === 'rbind')))
  if (isHosts) return []
  const asked = config.linux.devices ?? []
  const own = new Set(asked.map(({ path }) => cleanPath(path, 'the path of a device')))
  return [
    ...DEFAULT_DEVICES.filter(({ path }) => !own.has(path)).map(device => deviceRecord(device, mounts)),
    ...asked.map(device => deviceRecord(device, mounts)),
    ...LINKS.map(([to, path]) => record(Op.SYMLINK, text(to), text(path))),
  ]
}
