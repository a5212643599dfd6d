/** Waiting for what the kernel tells no one about. */
import { setTimeout as sleep } from 'node:timers/promises'

const LONGEST_PAUSE_MS = 32

/**
 * Look again and again, after 1, 2, 4, ... 32 ms, until `check` says yes.
 * @returns false when it has not within `timeoutMs`
 */
export async function until(check: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    if (check()) return true
    if (performance.now() >= endMs) return false
    await sleep(pauseMs)
  }
}
