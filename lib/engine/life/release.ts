/**
 * What has to go when a container has ended: its root's mount, its cgroups, its network. Idempotent, also after a crash.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../error.js'
import { killGroup, removeGroup } from '../cgroup/index.js'
import { disconnectNetwork } from '../network/index.js'
import { isMounted, unmountRootfs } from '../rootfs/mount.js'
import { unmountOverlays } from '../rootfs/overlays.js'
import { tellEvent } from '../store/events.js'
import type { Container } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { isAlive, isRunning, readExit, readMonitor, stateOf } from '../store/status.js'

/** Take away what a run has left, and tell of its end. The caller holds the lock. @throws MountError EBUSY while it runs */
export async function release(root: StateRoot, { dir, record }: Container): Promise<void> {
  if (isRunning(stateOf({ dir, record }))) throw failure(`clean up ${record.name}`, 'EBUSY', 'it is running')
  const exit = readExit(dir)
  // What is still mounted has ended since somebody looked last.
  if (exit !== undefined && isMounted(dir)) {
    if (exit.oom) tellEvent(root, record, 'oom')
    tellEvent(root, record, 'die', { exitCode: String(exit.code) })
  }
  killOrphan(dir)
  if (record.cgroup !== undefined) await killGroup(record.cgroup)
  // Its daemon takes a while to end.
  const going = await unmountRootfs(dir)
  if (record.cgroup !== undefined) await removeGroup(record.cgroup)
  await disconnectNetwork({ dir, record })
  await going()
  await unmountOverlays(dir)
  rmSync(join(dir, 'attach.sock'), { force: true })
  rmSync(join(dir, 'exec'), { recursive: true, force: true })
}

/** The program of a monitor that was killed: without it nobody would ever tell how it ended. */
function killOrphan(dir: string): void {
  const monitor = readMonitor(dir)
  if (monitor === undefined || readExit(dir) !== undefined || !isAlive(monitor.container)) return
  try {
    process.kill(monitor.container.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Directories of execs that have ended, which nobody asks about any more. */
export function sweepExecs(dir: string): void {
  const execs = join(dir, 'exec')
  if (!existsSync(execs)) return
  for (const name of readdirSync(execs)) {
    if (readExit(join(execs, name)) !== undefined) rmSync(join(execs, name), { recursive: true, force: true })
  }
}
