/** Ending all processes of a group, those included that are just being forked. */
import { MountError } from '../../config/mount-error.js'
import { until } from '../../util/until.js'
import { freeze, isFrozen, thaw } from './freeze.js'
import { directories, type GroupPlaces } from './places.js'
import { codeOf, groupsIfThere, readIfThere, realTree, type Tree } from './tree.js'

const TIMEOUT_MS = 10_000
const PIDS_MAX = 4_194_304

/** Process numbers, as we see them, in the container's group and in the groups it made; 0 for those we cannot see. */
export function groupPids(places: GroupPlaces, tree: Tree = realTree): number[] {
  const dir = anyDir(places)
  return dir === undefined ? [] : pidsBelow(dir, tree)
}

/** SIGKILL for the whole group; nobody is left in it when this returns. @throws MountError EBUSY if somebody is */
export async function killGroup(places: GroupPlaces, tree: Tree = realTree, kill: (pid: number) => void = sigkill): Promise<void> {
  // Whom the freezer of v1 holds does not even die.
  if (!killAtOnce(places, tree)) await killFrozen(places, tree, kill)
  else if (isFrozen(places, tree)) await thaw(places, tree)
  if (await until(() => groupPids(places, tree).length === 0, TIMEOUT_MS)) return
  throw new MountError(`kill ${anyDir(places)}`, 'EBUSY', `processes do not die: ${groupPids(places, tree).slice(0, 5).join(' ')}`)
}

/** cgroup.kill (Linux 5.14), also in the empty v2 hierarchy beside v1. @returns false when it is not there */
function killAtOnce({ dirs }: GroupPlaces, tree: Tree): boolean {
  const file = `${dirs['unified']}/cgroup.kill`
  if (dirs['unified'] === undefined || !tree.exists(file)) return false
  try {
    tree.write(file, '1')
    return true
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(codeOf(error))) return true
    return false
  }
}

/**
 * Frozen processes neither fork nor end, so that no number changes hands between reading and killing; on v1 they die when
 * they are thawed. Without a freezer: as often as it takes.
 */
async function killFrozen(places: GroupPlaces, tree: Tree, kill: (pid: number) => void): Promise<void> {
  let frozen = false
  try {
    await freeze(places, tree)
    frozen = true
  } catch (error) {
    if (!(error instanceof MountError)) throw error
  }
  const round = (): boolean => {
    const pids = groupPids(places, tree).filter((pid) => pid > 0)
    pids.forEach(kill)
    return pids.length === 0
  }
  round()
  if (frozen) await thaw(places, tree)
  await until(round, TIMEOUT_MS)
}

function sigkill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

/** One directory that knows them all: every process is in every hierarchy. */
function anyDir(places: GroupPlaces): string | undefined {
  return places.dirs['freezer'] ?? places.dirs['unified'] ?? directories(places)[0]
}

function pidsBelow(dir: string, tree: Tree): number[] {
  const text = readIfThere(tree, `${dir}/cgroup.procs`)
  if (text === undefined) return []
  const pids = text.split('\n', PIDS_MAX).filter((line) => line !== '').map(Number)
  const inner = groupsIfThere(tree, dir) ?? []
  return [...pids, ...inner.flatMap((name) => pidsBelow(`${dir}/${name}`, tree))]
}
