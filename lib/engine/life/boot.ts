/**
 * What a machine does with its containers when it goes up and down: docker's daemon would, and there is none. Source: moby,
 * restartmanager and daemon restore: `always` also starts those that somebody stopped, `unless-stopped` does not.
 */
import { tellEvent } from '../store/events.js'
import { allContainers, dropContainer, withContainer } from '../store/containers.js'
import { writeRecord, type Container } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { isRunning, readRestart, stateOf } from '../store/status.js'
import { finish } from './finish.js'
import { release } from './release.js'
import { startContainer, type StartOptions } from './start.js'
import { stopContainer } from './stop.js'
import { dropVolumes } from './volumes.js'

type Words = Omit<StartOptions, 'attach' | 'again'>

/** Containers that ran once and run no more, nor wait to be started by somebody. */
export function restingContainers(root: StateRoot): Container[] {
  return allContainers(root).reverse().filter((each) => ['exited', 'dead'].includes(stateOf(each).status))
}

/** The policy has it started when the machine goes up. */
export function startsAtBoot(container: Container): boolean {
  const { record, dir } = container
  const { name, maximumRetryCount } = record.host.restartPolicy
  if (name === 'always') return true
  if (name === 'no' || record.stoppedByUser === true) return false
  return name === 'unless-stopped' || (stateOf(container).exitCode !== 0 && (maximumRetryCount === 0 || readRestart(dir).count < maximumRetryCount))
}

/**
 * After a boot: what the last one has left of a container goes; `--rm` removes it; its policy starts it.
 * @returns whether it runs now
 */
export function resume(root: StateRoot, container: Container, words: Words): Promise<boolean> {
  return withContainer(container, 'system start', async (current) => {
    // Somebody was quicker.
    if (!['exited', 'dead'].includes(stateOf(current).status)) return false
    if (startsAtBoot(current)) {
      await startContainer(root, current, { ...words, attach: false })
      return true
    }
    await release(root, current)
    if (!current.record.host.autoRemove) return false
    await dropContainer(root, current)
    tellEvent(root, current.record, 'destroy')
    await dropVolumes(root, current.record)
    return false
  })
}

/** Before the machine goes down: all that run, each stopped in its way; that it was stopped is not held against it at the next start. */
export function runningContainers(root: StateRoot): Container[] {
  return allContainers(root).filter((each) => isRunning(stateOf(each)))
}

/** Stop one of them. */
export async function suspend(root: StateRoot, container: Container, words: Words): Promise<void> {
  const { stopTimeout } = container.record.config
  await stopContainer(container, stopTimeout, 'system stop')
  await finish(root, container, words)
  tellEvent(root, container.record, 'stop')
  if (container.record.host.autoRemove) return
  await withContainer(container, 'system stop', (current) => writeRecord(current.dir, { ...current.record, stoppedByUser: false }))
}
