/**
 * From a record to the OCI configuration of a start. Pure but for what it looks up on the host (devices, sources of mounts).
 * Source: runtime-spec config.md, config-linux.md; docker's oci/defaults and daemon/oci_linux.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isMachineRoot } from '../../daemon/process-id.js'
import type { Bytes } from '../../os/native.js'
import type { NamespaceType, OciConfig, OciDevice, OciMount, OciNamespace, OciProcess, OciRlimit } from '../oci.js'
import { fsPath } from '../text.js'
import type { ContainerRecord, DeviceSpec, MountSpec } from '../store/record.js'
import { capabilities } from './capabilities.js'
import { baseEnv, mergeEnv } from './env.js'
import { bindSource } from './mounts.js'
import { major, minor } from './numbers.js'
import { forOrdinaryUser } from './ordinary-user.js'
import { hostId } from './userns.js'
import { parseSecurity } from './words.js'

/** What a start knows beyond the record. */
export interface StartFacts {
  /** Absolute directories of the host. */
  readonly rootfs: Bytes
  readonly files: Bytes
  /** `/proc/PID/ns/...` of a container whose namespace is joined. */
  readonly joined: Readonly<Partial<Record<NamespaceType, string>>>
  /** Where the union of a mount of type overlay is, by its place among the mounts. */
  readonly overlay: (index: number) => Bytes
  /** Without a device controller nobody may make nodes. */
  readonly devicesConfined: boolean
  /** It has cgroups of its own, which it can be shown. */
  readonly hasGroups: boolean
}

/** Of `bind-recursive=writable`. */
const TOP_ONLY = 'ro-top'
/** `tty` of every distribution. */
const TTY_GROUP = 5
const MASKED = [
  '/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/sched_debug', '/proc/scsi',
  '/proc/timer_list', '/proc/timer_stats', '/sys/devices/virtual/powercap', '/sys/firmware',
]
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** The configuration. */
export function ociConfig(record: ContainerRecord, facts: StartFacts): OciConfig {
  const { config, host } = record
  const security = parseSecurity(host.securityOpt, host.privileged)
  return {
    ociVersion: '1.2.0',
    process: ociProcess(record, facts),
    root: { path: facts.rootfs, readonly: host.readonlyRootfs },
    // A name that is shared is another's.
    ...(host.utsMode === '' ? { hostname: config.hostname, ...(config.domainname === '' ? {} : { domainname: config.domainname }) } : {}),
    mounts: isMachineRoot() ? ociMounts(record, facts) : forOrdinaryUser(ociMounts(record, facts), record),
    linux: {
      namespaces: namespaces(record, facts),
      ...userMappings(record),
      ...(host.timeOffsets === undefined ? {} : { timeOffsets: clocks(host.timeOffsets) }),
      devices: devices(record),
      rootfsPropagation: propagation(host.mounts),
      sysctl: host.sysctls,
      maskedPaths: security.masks ? MASKED : [],
      readonlyPaths: security.masks ? READ_ONLY : [],
    },
    annotations: { ...host.annotations },
  }
}

/** The program of the container itself. */
export function ociProcess({ config, host }: ContainerRecord, facts: Pick<StartFacts, 'devicesConfined'>): OciProcess {
  return {
    terminal: config.tty,
    cwd: config.workingDir === '' ? '/' : config.workingDir,
    env: mergeEnv(baseEnv(config.hostname, config.tty), config.env),
    args: [...(config.entrypoint ?? []), ...config.cmd],
    // Who it is by name, the launcher looks up in the container.
    user: { uid: 0, gid: 0 },
    capabilities: ociCapabilities(host, facts.devicesConfined),
    rlimits: host.ulimits.map(({ name, soft, hard }): OciRlimit => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard })),
    noNewPrivileges: parseSecurity(host.securityOpt, host.privileged).noNewPrivileges,
    // An ordinary user cannot make himself less likely to be killed than his session is.
    ...(host.oomScoreAdj === 0 && !isMachineRoot() ? {} : { oomScoreAdj: host.oomScoreAdj }),
  }
}

/** The sets of a program. @param devicesConfined whether the kernel keeps it from devices it may not use */
export function ociCapabilities(host: ContainerRecord['host'], devicesConfined: boolean, privileged = host.privileged): NonNullable<OciProcess['capabilities']> {
  const all = capabilities(host.capAdd, host.capDrop, privileged)
  const set = devicesConfined || privileged ? all : all.filter((name) => name !== 'CAP_MKNOD')
  return { bounding: set, effective: set, permitted: set, inheritable: [], ambient: [] }
}

function namespaces({ host, network }: ContainerRecord, { joined }: StartFacts): OciNamespace[] {
  const list: OciNamespace[] = [{ type: 'mount' }]
  const join = (type: OciNamespace['type'], mode: string, path: string | undefined): void => {
    if (mode === 'host') return
    list.push(path === undefined ? { type } : { type, path })
  }
  join('pid', host.pidMode, joined.pid)
  join('network', network.mode, joined.network)
  join('ipc', host.ipcMode, joined.ipc)
  join('uts', host.utsMode, joined.uts)
  join('cgroup', host.cgroupnsMode === '' && host.privileged ? 'host' : host.cgroupnsMode, joined.cgroup)
  // Nobody has one of these without asking.
  join('user', host.usernsMode || 'host', joined.user)
  join('time', host.timensMode || 'host', joined.time)
  return list
}

/** The container is in a user namespace that is not the host's. */
export function hasUserNamespace({ usernsMode }: ContainerRecord['host']): boolean {
  return usernsMode !== '' && usernsMode !== 'host'
}

function userMappings({ host: { usernsMode, idMaps } }: ContainerRecord): Pick<OciConfig['linux'], 'uidMappings' | 'gidMappings'> {
  if (idMaps === undefined || usernsMode.startsWith('container:')) return {}
  return { uidMappings: [...idMaps.uids], gidMappings: [...idMaps.gids] }
}

function clocks(offsets: NonNullable<ContainerRecord['host']['timeOffsets']>): NonNullable<OciConfig['linux']['timeOffsets']> {
  return Object.fromEntries(Object.entries(offsets).map(([clock, secs]) => [clock, { secs: secs as number, nanosecs: 0 }]))
}

/** Shared or slave mounts of the host reach the container only if its root lets them. */
function propagation(mounts: readonly MountSpec[]): string {
  const words = mounts.flatMap(({ options }) => options)
  if (words.some((word) => /^r?shared$/.test(word))) return 'rshared'
  return words.some((word) => /^r?slave$/.test(word)) ? 'rslave' : 'rprivate'
}

/** The mounts in the order they are made: what lies below another comes after it. */
function ociMounts(record: ContainerRecord, facts: StartFacts): OciMount[] {
  const { host } = record
  // Where nobody keeps it from devices it must not find any on what it is given.
  const open = facts.devicesConfined || host.privileged
  const own = host.mounts.map((mount, index) => ociMount(mount, facts.overlay(index)))
    .map((mount) => (open || mount.type !== 'bind' ? mount : { ...mount, options: [...mount.options ?? [], 'nodev'] }))
  const replaced = new Set(own.map(({ destination }) => destination))
  const below = (mount: OciMount): number => mount.destination.split('/').length
  const all = [
    ...systemMounts(record, facts).filter(({ destination }) => !replaced.has(destination)),
    ...own.sort((a, b) => below(a) - below(b)),
  ]
  return host.readonlyRootfs || !host.privileged ? all : all.map(writable)
}

/** A privileged container may change what the kernel shows. */
function writable(mount: OciMount): OciMount {
  if (mount.type !== 'sysfs' && mount.type !== 'cgroup') return mount
  return { ...mount, options: (mount.options ?? []).map((word) => (word === 'ro' ? 'rw' : word)) }
}

function systemMounts({ host }: ContainerRecord, facts: StartFacts): OciMount[] {
  const file = (name: string): OciMount => (
    { destination: `/etc/${name}`, type: 'bind', source: `${facts.files}/${name}`, options: ['bind', 'rprivate'] })
  const shm: OciMount = host.ipcMode === 'host'
    ? { destination: '/dev/shm', type: 'bind', source: '/dev/shm', options: ['bind', 'rprivate', 'nosuid', 'noexec', 'nodev'] }
    : { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${host.shmSize}`] }
  // The host's queues can be mounted by the host's root only; they are there already.
  const mqueue: OciMount[] = host.ipcMode !== 'host' || !hasUserNamespace(host)
    ? [{ destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] }]
    : !existsSync('/dev/mqueue') ? []
    : [{ destination: '/dev/mqueue', type: 'bind', source: '/dev/mqueue', options: ['bind', 'rprivate', 'nosuid', 'noexec', 'nodev'] }]
  // The group of terminals, where there is one.
  const tty = host.idMaps === undefined || hostId(host.idMaps.gids, TTY_GROUP) !== undefined ? [`gid=${TTY_GROUP}`] : []
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...tty] },
    // Never the host's /sys, whose cgroups could be written: not for the host's network either.
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    ...(facts.hasGroups ? [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'ro'] }] : []),
    ...mqueue, shm, ...['resolv.conf', 'hostname', 'hosts'].map(file),
  ]
}

function ociMount(mount: MountSpec, overlay: Bytes): OciMount {
  const { type, target, readOnly, options } = mount
  if (type === 'tmpfs') {
    const given = options.length > 0 ? options : []
    return { destination: target, type, source: 'tmpfs', options: ['nosuid', 'nodev', 'noexec', ...given, ...(readOnly ? ['ro'] : [])] }
  }
  if (type === 'overlay') return { destination: target, type: 'bind', source: overlay, options: ['bind', 'rprivate'] }
  const kind = options.includes('bind') ? 'bind' : 'rbind'
  // What is mounted below is read-only as well, as with docker since 25.
  const lock = !readOnly ? [] : kind === 'bind' || options.includes(TOP_ONLY) ? ['ro'] : ['rro']
  const spread = options.some((word) => /(private|shared|slave)$/.test(word)) ? [] : ['rprivate']
  return {
    destination: target, type: 'bind', source: bindSource(mount),
    options: [kind, ...options.filter((word) => word !== 'bind' && word !== TOP_ONLY), ...spread, ...lock],
  }
}

/** Devices beyond the six that every container has. A directory of --privileged is all the host has in /dev. */
function devices({ host }: ContainerRecord): OciDevice[] {
  if (host.privileged) return hostDevices('/dev').concat(host.devices.map(device))
  return host.devices.map(device)
}

function device({ pathOnHost, pathInContainer }: DeviceSpec): OciDevice {
  return deviceNode(pathOnHost, pathInContainer)
}

function deviceNode(path: Bytes, inside: Bytes): OciDevice {
  const stat = statSync(realpathSync.native(fsPath(path), { encoding: 'buffer' }))
  return {
    path: inside, type: stat.isBlockDevice() ? 'b' : 'c', major: major(stat.rdev), minor: minor(stat.rdev),
    fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid,
  }
}

/** What the container makes itself, or may not have. */
const OWN = new Set(['console', 'full', 'fd', 'core', 'null', 'ptmx', 'pts', 'random', 'shm', 'mqueue', 'stderr', 'stdin', 'stdout', 'tty', 'urandom', 'zero', 'log'])

function hostDevices(dir: string): OciDevice[] {
  return readdirSync(dir, { withFileTypes: true, encoding: 'latin1' as BufferEncoding }).flatMap((entry) => {
    const path = join(dir, entry.name)
    if (dir === '/dev' && OWN.has(entry.name)) return []
    if (entry.isDirectory()) return dir.split('/').length > 4 ? [] : hostDevices(path)
    return entry.isCharacterDevice() || entry.isBlockDevice() ? [deviceNode(path, path)] : []
  })
}
