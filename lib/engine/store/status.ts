/**
 * How a container is. That is derived from what the monitor has written and from the process table, never stored: a killed
 * monitor, a killed command and a reboot cannot make it wrong.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTime } from '../../daemon/process-id.js'
import { isFrozen } from '../cgroup/index.js'
import { readJson } from '../text.js'
import type { Container } from './record.js'

/** docker's words. */
export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead'

/** A process that cannot be taken for a later one with its number. */
export interface ProcessId {
  readonly pid: number
  /** proc_pid_stat(5), field 22. */
  readonly start: number | string
}

/** monitor.json. */
export interface MonitorState {
  readonly monitor: ProcessId
  readonly container: ProcessId
  readonly boot: string
  readonly startedAt: string
}

/** exit.json. */
export interface ExitState {
  readonly code: number
  readonly signal: number
  readonly oom: boolean
  readonly finishedAt: string
}

/** restart.json. */
export interface RestartState {
  /** How often the policy has started it. */
  readonly count: number
  /** Who waits to start it again. */
  readonly waiter?: ProcessId & { readonly boot: string }
  /** How long he waits, in ms; it doubles. */
  readonly delayMs: number
}

/** How a container is, and what is known of its last run. */
export interface ContainerState {
  readonly status: Status
  /** Its first process, seen from here; 0 when it does not run. */
  readonly pid: number
  readonly monitorPid: number
  readonly exitCode: number
  readonly oomKilled: boolean
  /** RFC 3339, or undefined when it never was. */
  readonly startedAt: string | undefined
  readonly finishedAt: string | undefined
  readonly restartCount: number
}

let boot: string | undefined

/** This boot's id. Source: random(4). */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  return boot
}

/** The process is this one and runs. */
export function isAlive(process: ProcessId | undefined): boolean {
  return process !== undefined && process.pid > 0 && startTime(process.pid) === String(process.start)
}

/** Our own process. */
export function ourselves(): ProcessId & { readonly boot: string } {
  return { pid: process.pid, start: startTime(process.pid) ?? '0', boot: bootId() }
}

/** What the monitor wrote in `dir`; undefined before the first start, or when it is not whole. */
export function readMonitor(dir: string): MonitorState | undefined {
  return readState(join(dir, 'monitor.json')) as MonitorState | undefined
}

/** How the run in `dir` (of a container, of an exec) ended; undefined while it has not. */
export function readExit(dir: string): ExitState | undefined {
  return readState(join(dir, 'exit.json')) as ExitState | undefined
}

/** What the restart policy has done. */
export function readRestart(dir: string): RestartState {
  return readState(join(dir, 'restart.json')) as RestartState | undefined ?? { count: 0, delayMs: 0 }
}

function readState(path: string): unknown {
  try {
    return readJson(path)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The monitor of this state lives. */
export function monitorLives(monitor: MonitorState | undefined): boolean {
  return monitor !== undefined && monitor.boot === bootId() && isAlive(monitor.monitor)
}

/** How a container is now. */
export function stateOf({ dir, record }: Container): ContainerState {
  // In this order: a monitor that ends in between has written exit.json before we look for it.
  const monitor = readMonitor(dir)
  const lives = monitorLives(monitor)
  const exit = readExit(dir)
  const restart = readRestart(dir)
  const running = lives && exit === undefined
  const waits = restart.waiter !== undefined && restart.waiter.boot === bootId() && isAlive(restart.waiter)
  const status = running ? (record.cgroup !== undefined && isFrozen(record.cgroup) ? 'paused' : 'running')
    : waits ? 'restarting'
    : exit !== undefined ? 'exited'
    : monitor === undefined ? 'created' : 'dead'
  return {
    status,
    pid: running ? monitor!.container.pid : 0,
    monitorPid: lives ? monitor!.monitor.pid : 0,
    exitCode: exit?.code ?? (status === 'dead' ? 137 : 0),
    oomKilled: exit?.oom ?? false,
    startedAt: monitor?.startedAt,
    finishedAt: exit?.finishedAt,
    restartCount: restart.count,
  }
}

/** It has processes now. */
export function isRunning(state: ContainerState): boolean {
  return state.status === 'running' || state.status === 'paused'
}
