/** Stopping and continuing all processes of a group at once. */
import { MountError } from '../../config/mount-error.js'
import { until } from '../../util/until.js'
import type { GroupPlaces } from './places.js'
import { codeOf, readIfThere, realTree, type Tree } from './tree.js'

/** Processes in the middle of a system call freeze when it is over; a bad network file system may keep one for ever. */
const TIMEOUT_MS = 10_000

/** How one version of the interface is spoken to. */
interface Freezer {
  readonly file: string
  readonly frozen: string
  readonly thawed: string
  isFrozen(): boolean
}

function freezerOf({ dirs }: GroupPlaces, tree: Tree): Freezer | undefined {
  const { freezer, unified } = dirs
  if (freezer !== undefined) {
    const file = `${freezer}/freezer.state`
    return { file, frozen: 'FROZEN', thawed: 'THAWED', isFrozen: () => readIfThere(tree, file)?.trim() === 'FROZEN' }
  }
  if (unified === undefined) return undefined
  const isFrozen = (): boolean => /^frozen 1$/m.test(readIfThere(tree, `${unified}/cgroup.events`) ?? '')
  return { file: `${unified}/cgroup.freeze`, frozen: '1', thawed: '0', isFrozen }
}

/**
 * Freeze the group; it is when this returns.
 * @throws MountError when there is no freezer, or a process cannot be frozen; the group runs on then
 */
export async function freeze(places: GroupPlaces, tree: Tree = realTree): Promise<void> {
  const freezer = neededFreezer(places, tree)
  // v1 can miss a process that was just being forked, until it is told again.
  const settled = await until(() => {
    if (freezer.isFrozen()) return true
    put(freezer, freezer.frozen, tree)
    return freezer.isFrozen()
  }, TIMEOUT_MS)
  if (settled) return
  put(freezer, freezer.thawed, tree)
  throw new MountError(`freeze ${freezer.file}`, 'EBUSY', 'a process does not come out of a system call; it runs on')
}

/** Let the group run again. */
export async function thaw(places: GroupPlaces, tree: Tree = realTree): Promise<void> {
  const freezer = neededFreezer(places, tree)
  put(freezer, freezer.thawed, tree)
  if (!await until(() => !freezer.isFrozen(), TIMEOUT_MS)) {
    throw new MountError(`thaw ${freezer.file}`, 'EBUSY', 'it stays frozen; is the group above it frozen?')
  }
}

/** The group is frozen, by itself or with the one above. */
export function isFrozen(places: GroupPlaces, tree: Tree = realTree): boolean {
  return freezerOf(places, tree)?.isFrozen() ?? false
}

function neededFreezer(places: GroupPlaces, tree: Tree): Freezer {
  const freezer = freezerOf(places, tree)
  if (freezer !== undefined) return freezer
  throw new MountError('freeze', 'EOPNOTSUPP', 'the container has no group of its own; as an ordinary user with cgroup v1 none can be had')
}

function put(freezer: Freezer, value: string, tree: Tree): void {
  try {
    tree.write(freezer.file, value)
  } catch (error) {
    throw new MountError(`freeze ${freezer.file}`, codeOf(error), 'the kernel refused it')
  }
}
