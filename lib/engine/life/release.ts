/**
 * What has to go when a container has ended: its root's mount, its cgroups, its network. Idempotent, also after a crash.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../error.js'
import { disconnectNetwork, killGroup, removeGroup } from '../parts.js'
import { unmountRootfs } from '../rootfs/mount.js'
import type { Container } from '../store/record.js'
import { isAlive, isRunning, readExit, readMonitor, stateOf } from '../store/status.js'

/** Take away what a run has left. The caller holds the lock. @throws MountError EBUSY while it runs */
export async function release({ dir, record }: Container): Promise<void> {
  if (isRunning(stateOf({ dir, record }))) throw failure(`clean up ${record.name}`, 'EBUSY', 'it is running')
  killOrphan(dir)
  if (record.cgroup !== undefined) {
    await killGroup(record.cgroup)
    await removeGroup(record.cgroup)
  }
  await disconnectNetwork({ dir, record })
  await unmountRootfs(dir)
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
