/**
 * What we keep of a container, in its directory:
 *
 * ```
 * ROOT/containers/ID/
 *   container.json   this record; the command line writes it, by rename
 *   config.json      the OCI configuration of the last start
 *   monitor.json     of the monitor: who runs; exit.json: how it ended (ENGINE contract, docs/containers.md)
 *   restart.json     of the restart policy: how often, and who waits to do it again
 *   log.json         docker's json-file
 *   rw/ init/        branches; rootfs/ the mount point, in a directory nobody else may enter
 *   files/           hosts hostname resolv.conf, bind-mounted
 *   exec/<id>/       the same files for an exec
 *   lock             flock(2) around changes
 * ```
 *
 * Words and shapes are docker's where docker has them (GET /containers/ID/json).
 */
import { join } from 'node:path'
import type { Bytes } from '../../os/native.js'
import type { GroupPlaces, Limits } from '../cgroup/index.js'
import type { NetworkRequest } from '../network/index.js'
import type { TimeOffsets } from '../spec/time-offset.js'
import type { IdMaps } from '../spec/userns.js'
import { readJson, writeJson } from '../text.js'

/** What is run, and what of it an image could have said. */
export interface ContainerConfig {
  readonly hostname: Bytes
  readonly domainname: Bytes
  /** `name|uid[:group|gid]`; empty is root. */
  readonly user: Bytes
  readonly tty: boolean
  readonly openStdin: boolean
  /** `NAME=value`, as given. */
  readonly env: readonly Bytes[]
  readonly entrypoint: readonly Bytes[] | null
  readonly cmd: readonly Bytes[]
  /** Absolute; empty is `/`. */
  readonly workingDir: Bytes
  readonly labels: Readonly<Record<string, string>>
  readonly stopSignal: string
  readonly stopTimeout: number
}

/** A bind mount, a tmpfs, a volume, a union over a directory of the host. */
export interface MountSpec {
  readonly type: 'bind' | 'tmpfs' | 'volume' | 'overlay'
  /** Absolute path of the host; empty for tmpfs, and for a volume until it was made. */
  readonly source: Bytes
  /** Absolute, in the container. */
  readonly target: Bytes
  readonly readOnly: boolean
  /** Words of mount(8): `rprivate`, `size=64m`, `noexec`. */
  readonly options: readonly string[]
  /** Of a volume; the name is empty until it was made. */
  readonly volume?: {
    readonly name: string
    /** Nothing is copied into it. */
    readonly noCopy?: boolean
    readonly labels?: Readonly<Record<string, string>>
    readonly options?: Readonly<Record<string, string>>
  }
}

/** When a container that ended is started again. */
export interface RestartPolicy {
  readonly name: 'no' | 'on-failure' | 'always' | 'unless-stopped'
  /** on-failure: how often; 0 is for ever. */
  readonly maximumRetryCount: number
}

/** A device of the host's in the container. */
export interface DeviceSpec {
  readonly pathOnHost: Bytes
  readonly pathInContainer: Bytes
  /** Of `rwm`. */
  readonly permissions: string
}

/** A limit of setrlimit(2). */
export interface UlimitSpec {
  /** `nofile`. */
  readonly name: string
  readonly soft: number
  readonly hard: number
}

/** How it is run on this host. */
export interface HostConfig {
  readonly mounts: readonly MountSpec[]
  /** `NAME[:ro]`; their mounts are among the mounts. */
  readonly volumesFrom?: readonly string[]
  readonly readonlyRootfs: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly privileged: boolean
  readonly devices: readonly DeviceSpec[]
  readonly deviceCgroupRules: readonly string[]
  readonly ulimits: readonly UlimitSpec[]
  readonly sysctls: Readonly<Record<string, string>>
  readonly groupAdd: readonly string[]
  /** Of the OCI configuration. */
  readonly annotations?: Readonly<Record<string, string>>
  /** `host:ip`. */
  readonly extraHosts: readonly Bytes[]
  readonly dns: readonly string[]
  readonly dnsSearch: readonly string[]
  readonly dnsOptions: readonly string[]
  readonly pidMode: string
  readonly ipcMode: string
  readonly utsMode: string
  readonly usernsMode: string
  /** auto: how many ids. */
  readonly usernsSize?: number
  /** Ids of its user namespace; of one that it shares, since the last start. */
  readonly idMaps?: IdMaps
  /** '', `host`, `private`, `container:NAME`. */
  readonly timensMode?: string
  readonly timeOffsets?: TimeOffsets
  readonly cgroupnsMode: string
  readonly cgroupParent: string
  /** Bytes. */
  readonly shmSize: number
  readonly securityOpt: readonly string[]
  readonly autoRemove: boolean
  readonly restartPolicy: RestartPolicy
  readonly init: boolean
  readonly oomScoreAdj: number
  /** json-file, none. */
  readonly logDriver: string
}

/** A container. */
export interface ContainerRecord {
  readonly id: string
  readonly name: string
  /** RFC 3339 with nanoseconds. */
  readonly created: string
  /** What it was made of, as `ps` shows it. */
  readonly image: Bytes
  /** Absolute directories, top first. */
  readonly layers: readonly Bytes[]
  readonly config: ContainerConfig
  readonly host: HostConfig
  /** How it is connected; lib/engine/network owns the shape. */
  readonly network: NetworkRequest
  readonly limits: Limits
  /** Where its processes are accounted, once it was started. */
  readonly cgroup?: GroupPlaces
  /** It was started, and its volumes have got what the root has. */
  readonly volumesFilled?: true
  /** Somebody stopped it: `unless-stopped` and `always` let it rest. */
  readonly stoppedByUser?: boolean
}

/** A container and where it is kept. */
export interface Container {
  readonly dir: string
  readonly record: ContainerRecord
}

/** The record in `dir`, or undefined when there is none (any more). @throws Error when it cannot be read */
export function readRecord(dir: string): ContainerRecord | undefined {
  return readJson(join(dir, 'container.json')) as ContainerRecord | undefined
}

/** Keep a changed record. The caller holds the container's lock. */
export function writeRecord(dir: string, record: ContainerRecord): void {
  writeJson(join(dir, 'container.json'), record)
}

/** Now, as docker writes times: RFC 3339 with nanoseconds, UTC. */
export function now(): string {
  const nanoseconds = String(process.hrtime.bigint() % 1_000_000n).padStart(6, '0')
  return new Date().toISOString().replace('Z', `${nanoseconds}Z`)
}
