/**
 * Containers of an ordinary user: whatever makes, mounts or takes away what may belong to his subordinate ids does so as root of a
 * user namespace of his. The command line begins anew in there (`tsaufs-init userns`), so nothing else has to know.
 */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { startTime } from '../../daemon/process-id.js'
import { errnoName } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { codeOf, failure, RUN_EXIT } from '../error.js'
import { INIT } from '../parts.js'
import { containerIds } from '../store/containers.js'
import { openStateRoot, type StateRoot } from '../store/root.js'
import { monitorLives, readMonitor } from '../store/status.js'
import { bytesOf } from '../text.js'
import { ownIds } from './ids.js'

/** How a command enters. */
export interface Entry {
  /** Where a new container may be the first one; others look for what is there. */
  readonly makes: boolean
  /** Arguments after the script. */
  readonly words: readonly Bytes[]
  readonly note: (line: string) => void
}

/**
 * Run this command line anew as root of our user namespace; comes back only when that is not needed: for root, of the machine or
 * of a user namespace that somebody else made, and when there are no containers that could be meant.
 * @throws MountError when this process cannot be replaced
 */
export function enterOwnNamespace(root: StateRoot, { makes, words, note }: Entry): void {
  if (process.geteuid?.() === 0 || (!makes && !existsSync(root.containers))) return
  openStateRoot(root)
  const dir = join(root.path, 'userns')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const ids = ownIds()
  if (makes && ids.lacking !== undefined) note(`only root exists in the container: ${ids.lacking}`)
  // In there we have another name, and root another home.
  process.env['HOME'] ??= homedir()
  // Who sees other mounts than the last one did is led to others.
  const file = join(dir, String(statSync('/proc/self/ns/mnt').ino))
  const again = [process.execPath, ...process.execArgv, process.argv[1]!].map(bytesOf)
  const rc = sys.exec([INIT, 'userns', bytesOf(file), ids.by, ids.uids, ids.gids, ...kin(root, file), '--', ...again, ...words])
  throw failure('enter a user namespace', errnoName(-rc), 'tsaufs-init cannot be run; build it with: npm run build:native', RUN_EXIT.ENGINE)
}

/** Containers run on without the keeper of their namespaces: then a monitor shows the next one where they are. */
function kin(root: StateRoot, file: string): string[] {
  if (!hasLostKeeper(file)) return []
  const monitors = containerIds(root).map((id) => readMonitor(root.container(id)))
  return monitors.filter(monitorLives).slice(0, 1).map((state) => `${state!.monitor.pid}:${state!.monitor.start}`)
}

/** The file names a keeper, `BOOT PID START` (native/init/keeper.c), and that one has ended by force: at its end it takes the file away. */
function hasLostKeeper(file: string): boolean {
  try {
    const [, pid, start] = readFileSync(file, 'latin1').trim().split(' ')
    return startTime(Number(pid)) !== start
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}
