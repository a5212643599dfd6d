/**
 * After the end of a run: clean up, remove (`--rm`), or start again by the restart policy.
 *
 * Whoever has seen the end does this: the command in the foreground, `stop`, or the exit command of the monitor. Two may come at
 * once; the lock puts them one behind the other, and the second finds nothing to do.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { unlessGone } from '../error.js'
import { parseTime } from '../store/times.js'
import { dropContainer, withContainer } from '../store/containers.js'
import { tellEvent } from '../store/events.js'
import type { Container } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { isRunning, ourselves, readRestart, stateOf, type ContainerState, type RestartState } from '../store/status.js'
import { writeJson } from '../text.js'
import { release } from './release.js'
import { startContainer, type StartOptions } from './start.js'
import { dropVolumes } from './volumes.js'

/** docker's back-off: it doubles up to a minute, and begins anew after a run of ten seconds. Source: restartmanager. */
const BACKOFF = { FIRST_MS: 100, MOST_MS: 60_000, RESET_MS: 10_000 } as const

/**
 * The container has ended. @param restart whether the policy is asked; else what it says is left to the monitor's exit command
 * @throws MountError when something cannot be taken away
 */
export async function finish(root: StateRoot, container: Container, options: Omit<StartOptions, 'attach' | 'again'>): Promise<void> {
  const wait = await unlessGone(() => withContainer(container, 'clean up', async (current) => {
    const state = stateOf(current)
    if (isRunning(state) || state.status === 'restarting') return undefined
    await release(root, current)
    if (current.record.host.autoRemove) {
      await dropContainer(root, current)
      tellEvent(root, current.record, 'destroy')
      await dropVolumes(root, current.record)
      return undefined
    }
    return state.status === 'created' ? undefined : planRestart(current, state)
  }))
  if (wait === undefined) return
  await sleep(wait.delayMs)
  await unlessGone(() => withContainer(container, 'restart', async (current) => {
    const { waiter } = readRestart(current.dir)
    // Somebody has stopped it, or started it, meanwhile.
    if (waiter?.pid !== process.pid || isRunning(stateOf(current))) return
    try {
      const { client } = await startContainer(root, current, { ...options, attach: false, again: true })
      client?.detach()
    } finally {
      const { count, delayMs } = wait
      writeJson(join(current.dir, 'restart.json'), { count, delayMs } satisfies RestartState)
    }
  }))
}

/** @returns undefined when the container is to rest */
function planRestart({ dir, record }: Container, state: ContainerState): RestartState | undefined {
  const { name, maximumRetryCount } = record.host.restartPolicy
  const before = readRestart(dir)
  const again = record.stoppedByUser !== true && (
    name === 'always' || name === 'unless-stopped'
    || (name === 'on-failure' && state.exitCode !== 0 && (maximumRetryCount === 0 || before.count < maximumRetryCount)))
  if (!again) return undefined
  const ranMs = parseTime(state.finishedAt ?? '') - parseTime(state.startedAt ?? '')
  const delayMs = before.delayMs === 0 || ranMs > BACKOFF.RESET_MS ? BACKOFF.FIRST_MS : Math.min(2 * before.delayMs, BACKOFF.MOST_MS)
  const next: RestartState = { count: before.count + 1, delayMs, waiter: ourselves() }
  writeJson(join(dir, 'restart.json'), next)
  return next
}
