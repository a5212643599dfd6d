/** What containers use: their groups, their network, and what we need ourselves to keep them running. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { liveMounts } from '../../daemon/rundir.js'
import { usage, type Usage } from '../cgroup/index.js'
import { rootfsPath } from '../rootfs/mount.js'
import type { Container } from '../store/record.js'
import { stateOf } from '../store/status.js'

/** One look at one container. */
export interface Sample {
  readonly container: Container
  /** `performance.now()` of the look. */
  readonly atMs: number
  /** Undefined when it does not run. */
  readonly usage?: Usage
  /** Bytes since its network was made; undefined when it has the host's. */
  readonly network?: { readonly received: number, readonly sent: number }
  /** Bytes of memory that its monitor and the daemon of its root hold for themselves. */
  readonly helpers?: { readonly monitor: number, readonly daemon: number }
}

/** Look now. */
export function sample(container: Container): Sample {
  const { status, pid, monitorPid } = stateOf(container)
  const atMs = performance.now()
  const { cgroup, network: { mode } } = container.record
  if (status !== 'running' && status !== 'paused') return { container, atMs }
  const network = mode === 'host' ? undefined : readNetwork(pid)
  return {
    container, atMs, usage: cgroup === undefined ? {} : usage(cgroup), ...network !== undefined && { network },
    helpers: { monitor: ownMemory(monitorPid), daemon: ownMemory(daemonOf(container)) },
  }
}

/** Numbers of a look; sizes in bytes. What is not counted is left out. */
export interface Stats {
  readonly id: string
  readonly name: string
  /** 100 is one processor, all the time. */
  readonly cpuPercent?: number
  readonly cpuNs?: number
  /** Without the part of the page cache that nobody uses. */
  readonly memory?: number
  /** Its limit, or what the machine has. */
  readonly memoryLimit?: number
  readonly memoryPercent?: number
  readonly memoryPeak?: number
  readonly netReceived?: number
  readonly netSent?: number
  readonly blockRead?: number
  readonly blockWritten?: number
  readonly pids?: number
  readonly pidsLimit?: number
  readonly throttled?: number
  readonly oomKills?: number
  readonly monitorMemory?: number
  readonly daemonMemory?: number
}

/** Numbers of two looks; of one alone there is no share of time. */
export function statsOf(now: Sample, before: Sample | undefined): Stats {
  const { usage: used, network, helpers } = now
  const memory = used?.memory === undefined ? undefined : Math.max(0, used.memory.usage - used.memory.inactiveFile)
  const limit = used === undefined ? undefined : Math.min(used.memory?.limit ?? Infinity, totalmem())
  const limitOf = used?.pids?.limit
  const all: { [K in keyof Stats]: Stats[K] | undefined } = {
    id: now.container.record.id, name: now.container.record.name,
    cpuPercent: cpuPercent(now, before), cpuNs: used?.cpuNs,
    memory, memoryLimit: limit, memoryPercent: memory === undefined || limit === undefined ? undefined : 100 * memory / limit,
    memoryPeak: used?.memory?.peak,
    netReceived: network?.received, netSent: network?.sent, blockRead: used?.io?.read, blockWritten: used?.io?.written,
    pids: used?.pids?.current, pidsLimit: limitOf === Infinity ? undefined : limitOf, throttled: used?.throttled, oomKills: used?.oomKills,
    monitorMemory: helpers?.monitor, daemonMemory: helpers?.daemon,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as Stats
}

function cpuPercent(now: Sample, before: Sample | undefined): number | undefined {
  const [end, begin] = [now.usage?.cpuNs, before?.usage?.cpuNs]
  if (before === undefined || end === undefined || begin === undefined || now.atMs <= before.atMs) return undefined
  // A group that was made anew in between begins at nothing.
  return Math.max(0, end - begin) / ((now.atMs - before.atMs) * 1e6) * 100
}

/** Of all interfaces but the loopback, in the network namespace of a process. Source: proc_pid_net(5), dev. */
function readNetwork(pid: number): Sample['network'] {
  const text = readProc(pid, 'net/dev')
  if (text === undefined) return undefined
  let [received, sent] = [0, 0]
  for (const line of text.split('\n').slice(2)) {
    const [name = '', numbers = ''] = line.trim().split(':')
    if (name === '' || name === 'lo') continue
    const fields = numbers.trim().split(/\s+/).map(Number)
    received += fields[0] ?? 0
    sent += fields[8] ?? 0
  }
  return { received, sent }
}

/** Memory that would come back if the process ended; 0 when it has. */
function ownMemory(pid: number): number {
  const text = pid === 0 ? undefined : readProc(pid, 'smaps_rollup')
  let kib = 0
  for (const [, size] of (text ?? '').matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)) kib += Number(size)
  return kib * 1024
}

function daemonOf({ dir }: Container): number {
  // Where it is mounted may be another mount namespace than ours.
  const point = rootfsPath(dir)
  return liveMounts().find(({ mountpoint }) => mountpoint === point)?.pid ?? 0
}

/** A file of a process that may have ended, or may not be looked into. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return undefined
  }
}
