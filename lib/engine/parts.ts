/**
 * What the life cycle asks of the other parts of the engine: one place where they are put together.
 */
import { dirname, join } from 'node:path'
import { STARTER, type Bytes } from '../os/native.js'
import type { ContainerPlanInput, ExecPlanInput, OciMount, OciResources } from './oci.js'
import type { Container, ContainerRecord } from './store/record.js'

/** docker's limits by their names in HostConfig (Memory, NanoCpus, ...). */
export type Limits = Readonly<Record<string, unknown>>

/** Where a container's processes are accounted. */
export interface CgroupPlaces {
  readonly version: 1 | 2
  /** Directory by controller. */
  readonly dirs: Readonly<Record<string, string>>
}

/** A container's groups, made. */
export interface Group {
  readonly places: CgroupPlaces
  /** What was not asked for and could not be set. */
  readonly notes: readonly string[]
  readonly devicesConfined: boolean
  /** cgroup.procs files. */
  readonly procs: readonly string[]
  readonly oomFile: string | undefined
  /** What stands for a mount of type cgroup. */
  readonly mounts: readonly OciMount[]
  readonly resources: OciResources | undefined
}

/** The static program that becomes monitors and containers (native/init). */
export const INIT: Bytes = join(dirname(STARTER), 'tsaufs-init')

/** The plan as the monitor reads it. */
export function compileContainer(_input: ContainerPlanInput): Uint8Array {
  return new Uint8Array()
}

/** The same for a program more in a container. */
export function compileExec(_input: ExecPlanInput): Uint8Array {
  return new Uint8Array()
}

/** The cgroup.procs files that a process is written into to be in the groups. */
export function procsOf(_places: CgroupPlaces): string[] {
  return []
}

/** Make the container's groups with its limits. @throws MountError for a limit that was asked for and cannot be set */
export function makeGroup(_record: ContainerRecord): Group {
  return { places: { version: 1, dirs: {} }, notes: [], devicesConfined: false, procs: [], oomFile: undefined, mounts: [], resources: undefined }
}

/** Kill every process in the groups. */
export async function killGroup(_places: CgroupPlaces): Promise<void> {
  return Promise.resolve()
}

/** Remove the groups. Idempotent. */
export async function removeGroup(_places: CgroupPlaces): Promise<void> {
  return Promise.resolve()
}

/** Its processes are frozen. */
export function isPaused(_places: CgroupPlaces | undefined): boolean {
  return false
}

/** The container's network, once it has a namespace. @param pid of its first process */
export async function connectNetwork(_container: Container, _pid: number): Promise<void> {
  return Promise.resolve()
}

/** Take it away. Idempotent, also after a crash. */
export async function disconnectNetwork(_container: Container): Promise<void> {
  return Promise.resolve()
}

/** What people are told of a container's network. */
export interface NetworkView {
  /** The column of `ps`: `0.0.0.0:8080->80/tcp`. */
  readonly ports: string
  /** `80/tcp` and `0.0.0.0:8080` of each published port. */
  readonly published: readonly (readonly [inside: string, outside: string])[]
  /** HostConfig.PortBindings. */
  readonly bindings: Readonly<Record<string, unknown>>
  /** NetworkSettings. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** What people are told of it. */
export function describeNetwork(_container: Container): NetworkView {
  return { ports: '', published: [], bindings: {}, settings: { Ports: {}, Networks: {} } }
}

/** The processes in the groups, as numbers of ours. */
export function groupPids(_places: CgroupPlaces): number[] {
  return []
}

/** What the parts have left of containers that are not these, or that do not run. */
export function leftoverParts(_containers: readonly Container[]): { readonly what: string, readonly remove: () => Promise<void> }[] {
  return []
}
