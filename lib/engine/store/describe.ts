/**
 * What is told of a container: `ps` rows and docker's JSON (GET /containers/ID/json). Strings are text here, control characters in
 * what people have typed stay for JSON and are made visible by who prints lines.
 */
import { join } from 'node:path'
import { textOf } from '../text.js'
import { shortId } from './ids.js'
import { isRunning, stateOf, type ContainerState } from './status.js'
import { humanDuration, parseTime } from './times.js'
import type { Container, ContainerRecord } from './record.js'
import { describeLimits } from '../cgroup/index.js'
import { describeNetwork } from '../network/index.js'
import type { IdMaps } from '../spec/userns.js'

const NEVER = '0001-01-01T00:00:00Z'

/** A row of `ps`. */
export interface PsRow {
  readonly ID: string
  readonly Names: string
  readonly Image: string
  readonly Command: string
  readonly CreatedAt: string
  readonly RunningFor: string
  readonly State: string
  readonly Status: string
  readonly Ports: string
  readonly Labels: string
  readonly Mounts: string
  readonly Networks: string
  readonly LocalVolumes: string
}

const commandLine = ({ config }: ContainerRecord): string => textOf([...(config.entrypoint ?? []), ...config.cmd].join(' '))

/** docker's words: `Up 3 seconds`, `Exited (0) 2 minutes ago`. */
export function statusWords(state: ContainerState, nowMs = Date.now()): string {
  const since = (time: string | undefined): string => humanDuration(Math.max(0, nowMs - parseTime(time ?? NEVER)))
  switch (state.status) {
    case 'running': return `Up ${since(state.startedAt)}`
    case 'paused': return `Up ${since(state.startedAt)} (Paused)`
    case 'restarting': return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`
    case 'exited': return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`
    case 'dead': return 'Dead'
    case 'created': return 'Created'
  }
}

/** @param truncate ids to 12 digits, commands to 20 characters */
export function psRow(container: Container, state: ContainerState, truncate: boolean): PsRow {
  const { record } = container
  const command = commandLine(record)
  const network = describeNetwork(container)
  return {
    ID: truncate ? shortId(record.id) : record.id,
    Names: record.name,
    Image: textOf(record.image),
    Command: `"${truncate && [...command].length > 20 ? `${[...command].slice(0, 19).join('')}…` : command}"`,
    CreatedAt: record.created.replace('T', ' ').replace(/\.\d+Z$/, ' +0000 UTC'),
    RunningFor: `${humanDuration(Date.now() - parseTime(record.created))} ago`,
    State: state.status,
    Status: statusWords(state),
    Ports: isRunning(state) ? network.ports : '',
    Labels: Object.entries(record.config.labels).map(([key, value]) => `${textOf(key)}=${textOf(value)}`).join(','),
    Mounts: record.host.mounts.map(({ source, target, volume }) => textOf(volume?.name ?? (source === '' ? target : source))).join(','),
    Networks: record.network.mode,
    LocalVolumes: String(record.host.mounts.filter(({ type }) => type === 'volume').length),
  }
}

/** docker's JSON. */
export function inspect(container: Container): Record<string, unknown> {
  const { dir, record } = container
  const { config, host } = record
  const state = stateOf(container)
  const words = [...(config.entrypoint ?? []), ...config.cmd].map(textOf)
  const network = describeNetwork(container)
  const binds = host.mounts.filter(({ type }) => type === 'bind')
  return {
    Id: record.id, Created: record.created, Path: words[0] ?? '', Args: words.slice(1),
    State: {
      Status: state.status, Running: isRunning(state), Paused: state.status === 'paused', Restarting: state.status === 'restarting',
      OOMKilled: state.oomKilled, Dead: state.status === 'dead', Pid: state.pid, ExitCode: state.exitCode, Error: '',
      StartedAt: state.startedAt ?? NEVER, FinishedAt: state.finishedAt ?? NEVER,
    },
    Image: textOf(record.image), ResolvConfPath: join(dir, 'files', 'resolv.conf'), HostnamePath: join(dir, 'files', 'hostname'),
    HostsPath: join(dir, 'files', 'hosts'), LogPath: host.logDriver === 'none' ? '' : join(dir, 'log.json'),
    Name: `/${record.name}`, RestartCount: state.restartCount, Driver: 'tsaufs', Platform: 'linux', MountLabel: '', ProcessLabel: '',
    AppArmorProfile: '', ExecIDs: null,
    HostConfig: {
      VolumesFrom: host.volumesFrom ?? null, Annotations: host.annotations === undefined ? null : texts(host.annotations),
      Binds: binds.map(({ source, target, readOnly }) => textOf(`${source}:${target}${readOnly ? ':ro' : ''}`)),
      NetworkMode: record.network.mode, PortBindings: network.bindings,
      RestartPolicy: { Name: host.restartPolicy.name, MaximumRetryCount: host.restartPolicy.maximumRetryCount },
      AutoRemove: host.autoRemove, CapAdd: orNull(host.capAdd), CapDrop: orNull(host.capDrop), CgroupnsMode: host.cgroupnsMode,
      Dns: host.dns, DnsOptions: host.dnsOptions, DnsSearch: host.dnsSearch, ExtraHosts: orNull(host.extraHosts.map(textOf)),
      GroupAdd: orNull(host.groupAdd), IpcMode: host.ipcMode === '' ? 'private' : host.ipcMode, OomScoreAdj: host.oomScoreAdj,
      PidMode: host.pidMode, Privileged: host.privileged, ReadonlyRootfs: host.readonlyRootfs,
      SecurityOpt: orNull(host.securityOpt.map(textOf)), UTSMode: host.utsMode, UsernsMode: host.usernsMode, IDMappings: idMappings(host.idMaps), ShmSize: host.shmSize,
      Sysctls: host.sysctls, Init: host.init, LogConfig: { Type: host.logDriver, Config: {} }, CgroupParent: host.cgroupParent,
      Devices: host.devices.map((each) => ({
        PathOnHost: textOf(each.pathOnHost), PathInContainer: textOf(each.pathInContainer), CgroupPermissions: each.permissions,
      })),
      DeviceCgroupRules: orNull(host.deviceCgroupRules),
      Ulimits: host.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      ...describeLimits(record.limits),
    },
    GraphDriver: {
      Name: 'tsaufs',
      Data: { UpperDir: join(dir, 'rw'), InitDir: join(dir, 'init'), LowerDir: record.layers.map(textOf).join(':'), MergedDir: join(dir, 'rootfs') },
    },
    Mounts: host.mounts.map(({ type, source, target, readOnly, options, volume }) => ({
      Type: type === 'overlay' ? 'bind' : type, ...(volume === undefined ? {} : { Name: volume.name, Driver: 'local' }), Source: textOf(source),
      Destination: textOf(target), Mode: type === 'overlay' ? 'O' : options.join(','), RW: !readOnly,
      Propagation: type === 'bind' ? options.find((word) => /(private|shared|slave)$/.test(word)) ?? 'rprivate' : '',
    })),
    Config: {
      Hostname: textOf(config.hostname), Domainname: textOf(config.domainname), User: textOf(config.user), AttachStdin: config.openStdin,
      Tty: config.tty, OpenStdin: config.openStdin, Env: config.env.map(textOf), Cmd: config.cmd.map(textOf), Image: textOf(record.image),
      WorkingDir: textOf(config.workingDir), Entrypoint: config.entrypoint === null ? null : config.entrypoint.map(textOf),
      Labels: texts(config.labels),
      StopSignal: config.stopSignal, StopTimeout: config.stopTimeout,
    },
    NetworkSettings: network.settings,
  }
}

const texts = (pairs: Readonly<Record<string, string>>): Record<string, string> => (
  Object.fromEntries(Object.entries(pairs).map(([key, value]) => [textOf(key), textOf(value)])))

/** As podman tells them. */
function idMappings(maps: IdMaps | undefined): Record<string, readonly string[]> | null {
  const lines = (list: IdMaps['uids']): string[] => list.map(({ containerID, hostID, size }) => `${containerID}:${hostID}:${size}`)
  return maps === undefined ? null : { UidMap: lines(maps.uids), GidMap: lines(maps.gids) }
}

const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list)
