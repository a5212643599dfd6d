/** Waiting for the end of a container. */
import { setTimeout as sleep } from 'node:timers/promises'
import { attachTo } from '../attach/client.js'
import { isRunning, readExit, stateOf } from '../store/status.js'
import type { Container } from '../store/record.js'

const LOOK_AGAIN_MS = 100

/** Wait until it does not run. @returns its exit code; 0 if it never ran, 137 when it ended with its monitor */
export async function waitForEnd(container: Container): Promise<number> {
  for (;;) {
    const state = stateOf(container)
    if (!isRunning(state)) return readExit(container.dir)?.code ?? state.exitCode
    const client = await attachTo(container.dir)
    client?.listen(() => true)
    const exit = await client?.ended
    if (exit !== undefined) return exit.code
    // Its monitor is about to end, or does not listen.
    await sleep(LOOK_AGAIN_MS)
  }
}
