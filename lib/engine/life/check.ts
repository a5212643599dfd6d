/**
 * What crashes and reboots leave: found by looking at everything we keep and everything that is mounted, taken away by what would
 * have taken it away in time.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readMountinfo } from '../../daemon/mountinfo.js'
import { codeOf } from '../error.js'
import { groupExists, removeStray, strayGroups } from '../cgroup/index.js'
import { sweepNetwork } from '../network/index.js'
import { unmountAt, unmountRootfs } from '../rootfs/mount.js'
import { containerIds, readContainer, withContainer } from '../store/containers.js'
import { ID } from '../store/ids.js'
import { isLocked, withLock } from '../store/lock.js'
import { removeTree } from '../store/remove-tree.js'
import type { Container } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { isRunning, stateOf } from '../store/status.js'
import { unfinishedVolumes } from '../store/volumes.js'
import { bytesOf, textOf } from '../text.js'
import { release } from './release.js'

/** Making and removing a container's files takes less. */
const IN_PROGRESS_MS = 60_000

/** One thing that should not be there. */
export interface Leftover {
  /** For people. */
  readonly what: string
  /** Take it away; does nothing when it has become of use meanwhile. */
  readonly remove: () => Promise<void>
}

/** Everything that is left of what runs no more. */
export async function findLeftovers(root: StateRoot): Promise<Leftover[]> {
  const containers = containerIds(root).map((id) => readContainer(root, id)).filter((each) => each !== undefined)
  const known = new Set(containers.map(({ record }) => record.id))
  return [
    ...unfinished(root), ...halfVolumes(root), ...broken(root, known), ...names(root), ...containers.flatMap((each) => ofContainer(root, each)), ...strayMounts(root, known),
    ...ofNobody(root, known),
    ...await ofNetwork(containers),
  ]
}

/** Groups without processes of containers that are not there. Another root's look the same, so one root alone looks after them. */
function ofNobody(root: StateRoot, known: ReadonlySet<string>): Leftover[] {
  if (!root.isDefault) return []
  // What an ordinary user finds of root's, or of another's, is theirs.
  const ours = (dir: string): boolean => statSync(dir, { throwIfNoEntry: false })?.uid === process.geteuid?.()
  return strayGroups((id) => known.has(id)).filter(ours).map((dir) => ({ what: `${dir}: a group of a container that is not there`, remove: () => removeStray(dir) }))
}

/** Ports and devices of containers that are not there; those of other state roots are theirs to judge. */
async function ofNetwork(containers: readonly Container[]): Promise<Leftover[]> {
  const running = new Map(containers.map((each) => [each.record.id, isRunning(stateOf(each))]))
  // Of an id we do not know nobody knows whether it is another root's.
  const lives = (id: string): boolean | undefined => running.get(id)
  const found = await sweepNetwork(lives, { remove: false, all: false })
  return found.map((what, i) => ({
    what,
    async remove() {
      if (i === 0) await sweepNetwork(lives, { remove: true, all: false })
    },
  }))
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Containers whose command died while it made or removed them. */
function unfinished(root: StateRoot): Leftover[] {
  return list(root.containers).filter((name) => name.startsWith('.')).map((name) => join(root.containers, name)).filter(isAbandoned).map((dir) => ({
    what: `${dir}: a container that was never finished, or not removed to its end`,
    remove: () => withLock(root.lock, 'system prune', () => { if (isAbandoned(dir)) removeTree(dir) }),
  }))
}

/** The same for volumes. */
function halfVolumes(root: StateRoot): Leftover[] {
  return unfinishedVolumes(root).filter(isAbandoned).map((dir) => ({
    what: `${dir}: a volume that was never finished, or not removed to its end`,
    remove: () => Promise.resolve(removeTree(dir)),
  }))
}

/** Nobody is at it: its lock is free; before there is one, and when it is gone already, it is no longer new. */
function isAbandoned(dir: string): boolean {
  const locked = isLocked(join(dir, 'lock'))
  if (locked !== undefined) return !locked
  const made = statSync(dir, { throwIfNoEntry: false })
  return made !== undefined && Date.now() - made.mtimeMs > IN_PROGRESS_MS
}

/** Directories without a record that can be read: a power failure. */
function broken(root: StateRoot, known: ReadonlySet<string>): Leftover[] {
  return containerIds(root).filter((id) => !known.has(id)).map((id) => ({
    what: `${root.container(id)}: its record cannot be read`,
    async remove() {
      await unmountRootfs(root.container(id))
      removeTree(root.container(id))
    },
  }))
}

function names(root: StateRoot): Leftover[] {
  return list(root.names).flatMap((name) => {
    const file = join(root.names, name)
    const isStale = (): boolean => {
      const id = existsSync(file) ? readFileSync(file, 'latin1').trim() : ''
      return !ID.test(id) || !existsSync(root.container(id))
    }
    return isStale() ? [{
      what: `${file}: the name of a container that is not there`,
      remove: () => withLock(root.lock, 'system prune', () => { if (isStale()) rmSync(file, { force: true }) }),
    }] : []
  })
}

/** A container that does not run and still has something. */
function ofContainer(root: StateRoot, container: Container): Leftover[] {
  const state = stateOf(container)
  if (isRunning(state) || state.status === 'restarting') return []
  const below = bytesOf(`${container.dir}/`)
  const has = [
    ...(readMountinfo().some(({ mountpoint }) => mountpoint.startsWith(below)) ? ['a mount'] : []),
    ...(existsSync(join(container.dir, 'attach.sock')) ? ['a socket'] : []),
    ...(container.record.cgroup !== undefined && groupExists(container.record.cgroup) ? ['groups'] : []),
    ...(state.status === 'dead' ? ['an end that nobody has seen'] : []),
  ]
  if (has.length === 0) return []
  return [{
    what: `container ${container.record.name}: ${has.join(', ')}`,
    remove: () => withContainer(container, 'system prune', async (current) => {
      if (!isRunning(stateOf(current))) await release(root, current)
    }),
  }]
}

/** Mounts in our directories that belong to no container. */
function strayMounts(root: StateRoot, known: ReadonlySet<string>): Leftover[] {
  const below = bytesOf(`${root.containers}/`)
  return readMountinfo().filter(({ mountpoint }) => mountpoint.startsWith(below)).flatMap(({ mountpoint }) => {
    const id = mountpoint.slice(below.length).split('/')[0]!
    return known.has(id) ? [] : [{ what: `${textOf(mountpoint)}: a mount of a container that is not there`, remove: () => unmountAt(mountpoint) }]
  })
}
