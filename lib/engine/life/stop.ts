/**
 * Signals and the end they are to bring about. They go through the monitor, which is the parent: its child's number cannot have
 * become somebody else's.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attachTo, type AttachClient } from '../attach/client.js'
import { failure } from '../error.js'
import { isFrozen, killGroup, thaw } from '../cgroup/index.js'
import { signalNumber } from '../spec/words.js'
import { withContainer } from '../store/containers.js'
import { writeRecord, type Container } from '../store/record.js'
import { isAlive, isRunning, readExit, readMonitor, readRestart, stateOf, type ExitState } from '../store/status.js'
import { writeJson } from '../text.js'

/** SIGKILL has been sent; what does not end in this time sits in the kernel. */
const KILL_TIMEOUT_MS = 20_000
const SIGKILL = 9

/** The restart policy lets it rest from now on, also one that is waiting. */
export function letRest(container: Container, command: string): Promise<void> {
  return withContainer(container, command, (current) => {
    const { count, delayMs, waiter } = readRestart(current.dir)
    if (waiter !== undefined) writeJson(join(current.dir, 'restart.json'), { count, delayMs })
    if (current.record.stoppedByUser !== true) writeRecord(current.dir, { ...current.record, stoppedByUser: true })
  })
}

/**
 * Send a signal to a running container.
 * @throws MountError when it does not run
 */
export async function killContainer(container: Container, signal: number, command: string): Promise<void> {
  const client = isRunning(stateOf(container)) ? await attachTo(container.dir) : undefined
  if (client === undefined) {
    throw failure(`${command} ${container.record.name}`, 'ESRCH', `Container ${container.record.id} is not running`)
  }
  client.listen(() => true)
  client.signal(signal)
  await flushed(client)
  client.detach()
  if (signal === SIGKILL) await letGoOn(container)
}

/** A paused container ends when it is not paused any more, whatever was sent to it. */
async function letGoOn({ record: { cgroup } }: Container): Promise<void> {
  if (cgroup !== undefined && isFrozen(cgroup)) await thaw(cgroup)
}

function flushed(client: AttachClient): Promise<void> {
  return new Promise((resolve) => client.flush(resolve))
}

/**
 * End a container: its stop signal, and SIGKILL when it still runs after `seconds` (-1: never).
 * @returns how it ended; undefined when it did not run
 */
export async function stopContainer(container: Container, seconds: number, command: string, first = container.record.config.stopSignal): Promise<ExitState | undefined> {
  await letRest(container, command)
  if (!isRunning(stateOf(container))) return undefined
  const client = await attachTo(container.dir)
  if (client === undefined) return killByForce(container)
  client.listen(() => true)
  client.cleansUp()
  client.signal(signalNumber(`${command} ${container.record.name}`, first))
  await letGoOn(container)
  const soon = seconds < 0 ? await client.ended : await within(client.ended, seconds * 1000)
  if (soon !== undefined) return soon
  client.signal(SIGKILL)
  const then = await within(client.ended, KILL_TIMEOUT_MS)
  client.detach()
  return then ?? killByForce(container)
}

/** The promise's value, or undefined after so long. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const timer = new AbortController()
  try {
    return await Promise.race([promise, sleep(ms, undefined, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}

/** The monitor does not answer (it was stopped, or killed): everything it holds is killed, and it too. */
async function killByForce({ dir, record }: Container): Promise<ExitState | undefined> {
  const monitor = readMonitor(dir)
  if (record.cgroup !== undefined) await killGroup(record.cgroup)
  const deadline = Date.now() + KILL_TIMEOUT_MS
  for (const process of [monitor?.container, monitor?.monitor]) {
    while (isAlive(process) && readExit(dir) === undefined) {
      if (Date.now() > deadline) {
        throw failure(`kill ${record.name}`, 'EBUSY', `process ${process!.pid} does not end; it may hang in the kernel`)
      }
      kill(process!.pid)
      await sleep(10)
    }
  }
  return readExit(dir)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
