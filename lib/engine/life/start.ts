/**
 * Starting a container: its root is mounted by one process while another makes its namespaces; then the program runs.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isMachineRoot } from '../../daemon/process-id.js'
import type { Bytes } from '../../os/native.js'
import type { ContainerPlanInput, ProgramIo } from '../oci.js'
import { connectNetwork } from '../network/index.js'
import { groupOf, seccompOf, type Group } from '../parts.js'
import { compileContainer } from '../plan/compile.js'
import { mountRootfs } from '../rootfs/mount.js'
import { mountOverlays, overlayPoint } from '../rootfs/overlays.js'
import { writeFiles } from '../rootfs/files.js'
import { ociConfig } from '../spec/config.js'
import { bindSource } from '../spec/mounts.js'
import { rootOf } from '../spec/userns.js'
import { signalNumber } from '../spec/words.js'
import { tellEvent } from '../store/events.js'
import { writeRecord, type Container, type ContainerRecord } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { bytesOf, writeJson } from '../text.js'
import { joinedNamespaces, type Joined } from './joined.js'
import { startMonitor, type Started } from './monitor.js'
import { release } from './release.js'
import { fillVolumes, keepVolumes } from './volumes.js'

/** How to start. */
export interface StartOptions {
  /** Somebody is there from the start. */
  readonly attach: boolean
  /** And takes away what is left at the end. */
  readonly cleansUp?: true
  /** Size of his terminal. */
  readonly rows?: number
  readonly columns?: number
  /** The command that cleans up: node, the program, its arguments. */
  readonly cleanup: readonly string[]
  /** By the restart policy, not by somebody: what it has counted stays. */
  readonly again?: true
  /** Gets what could not be done and need not be. */
  readonly note: (line: string) => void
}

/** Start a container that does not run. The caller holds its lock. @throws MountError with docker's exit codes; nothing is left */
export async function startContainer(root: StateRoot, container: Container, options: StartOptions): Promise<Started> {
  const { dir } = container
  const tried = `start ${container.record.name}`
  const joined = joinedNamespaces(root, container.record, tried)
  const record = withIds(container.record, joined)
  await release(root, container)
  for (const name of ['exit.json', 'monitor.json']) rmSync(join(dir, name), { force: true })
  if (options.again !== true) rmSync(join(dir, 'restart.json'), { force: true })
  // A root that cannot be mounted is told once, by whoever waits for it.
  const mounted = Promise.all([mountRootfs(container, record.host.idMaps), mountOverlays({ dir, record }, bindSource)])
  mounted.catch(() => undefined)
  let current: Container = { dir, record }
  try {
    const group = groupOf(record)
    group.notes.forEach(options.note)
    current = { dir, record: { ...record, cgroup: group.places, stoppedByUser: false } }
    writeRecord(dir, current.record)
    keepVolumes(root, record)
    writeFiles(dir, record)
    const plan = compileContainer(planInput(current, group, joined, options))
    const started = await startMonitor({
      verb: 'monitor', dir, plan, attach: options.attach, cleansUp: options.cleansUp === true, tried,
      created: async (pid) => {
        const [{ address, gateway }] = await Promise.all([connectNetwork(current, pid, options.note), mounted])
        if (address !== '') writeFiles(dir, record, { address, gateway })
        fillOnce(current)
      },
    })
    tellEvent(root, record, 'start')
    return started
  } catch (error) {
    await mounted.catch(() => undefined)
    await release(root, current)
    throw error
  }
}

/**
 * Do what a start does, but for what would be seen: the plan goes to a monitor that will not take it, half as long as it is.
 * @throws MountError always: that is its answer
 */
export async function rehearseStart({ dir, record }: Container, options: StartOptions): Promise<Started> {
  const group: Group = { places: { version: 1, dirs: {}, devicesConfined: false }, notes: [], procs: [], oomFile: undefined, hierarchies: [] }
  writeFiles(dir, record)
  const plan = compileContainer(planInput({ dir, record }, group, { joined: {} }, options))
  return startMonitor({
    verb: 'monitor', dir, plan: plan.subarray(0, plan.length / 2), attach: options.attach, cleansUp: false, tried: 'rehearse', created: async () => undefined,
  })
}

/** Volumes get what the root has there before the first program runs. */
function fillOnce(container: Container): void {
  const { dir, record } = container
  if (record.volumesFilled === true || !record.host.mounts.some(({ volume }) => volume !== undefined)) return
  fillVolumes(container)
  writeRecord(dir, { ...record, volumesFilled: true })
}

/** A user namespace that is shared has its own ids, which may be others each time. */
function withIds(record: ContainerRecord, { joined, idMaps }: Joined): ContainerRecord {
  if (joined.user === undefined) return record
  const { idMaps: _, ...host } = record.host
  return { ...record, host: { ...host, ...(idMaps === undefined ? {} : { idMaps }) } }
}

function planInput({ dir, record }: Container, group: Group, { files, joined }: Joined, options: StartOptions): ContainerPlanInput {
  const config = ociConfig(record, {
    rootfs: bytesOf(join(dir, 'rootfs')), files: bytesOf(files ?? join(dir, 'files')), joined, overlay: (index) => overlayPoint(dir, index),
    devicesConfined: group.places.devicesConfined, hasGroups: group.hierarchies.length > 0,
  })
  writeJson(join(dir, 'config.json'), config)
  return {
    config, io: programIo(record.config, options), ...ioOwner(record), user: userOf(record.config.user), groups: [...record.host.groupAdd], log: record.host.logDriver !== 'none',
    attached: options.attach, cgroupProcs: [...group.procs], cgroupHierarchies: [...group.hierarchies], ...(group.oomFile === undefined ? {} : { oomFile: group.oomFile }),
    // The root is mounted meanwhile, and the network needs a process.
    waitForGo: true, lateMountNamespace: true, bindDevices: !isMachineRoot(),
    // What an image or a volume brings along nobody else keeps it from.
    rootNodev: !group.places.devicesConfined && !record.host.privileged,
    exitCommand: [...options.cleanup, record.id].map(bytesOf), stopSignal: signalNumber(`start ${record.name}`, record.config.stopSignal),
    ...seccompOf(record, options.note), init: record.host.init,
  }
}

/** Without a name it is root, whose groups are looked up as well. */
function userOf(user: Bytes): Bytes {
  return user === '' ? '0' : user
}

/** In a user namespace the pipes are its root's. */
export function ioOwner({ host: { idMaps } }: ContainerRecord): Pick<ContainerPlanInput, 'ioOwner'> {
  return idMaps === undefined || process.geteuid?.() !== 0 ? {} : { ioOwner: rootOf(idMaps) }
}

/** Where the program's descriptors lead. */
export function programIo(config: { readonly tty: boolean, readonly openStdin: boolean }, size: Pick<StartOptions, 'rows' | 'columns'>): ProgramIo {
  if (!config.tty) return { kind: 'pipes', stdin: config.openStdin }
  const known = size.rows !== undefined && size.columns !== undefined
  return { kind: 'tty', stdin: config.openStdin, ...(known ? { rows: size.rows, columns: size.columns } : {}) }
}
