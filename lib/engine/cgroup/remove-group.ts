/** Taking groups away. */
import { MountError } from '../../config/mount-error.js'
import { until } from '../../util/until.js'
import { directories, OUR_LEVEL, type GroupPlaces } from './places.js'
import { codeOf, groupsIfThere, realTree, type Tree } from './tree.js'

/** A group stays busy until its last process has been reaped, and a little longer. */
const TIMEOUT_MS = 5000

/**
 * Remove the container's groups and those that it made in them. What is not there any more is fine.
 * @throws MountError EBUSY when processes are still in one; kill the group first
 */
export async function removeGroup(places: GroupPlaces, tree: Tree = realTree): Promise<void> {
  const busy: string[] = []
  for (const dir of directories(places)) {
    if (!await until(() => removeEmpty(dir, tree), TIMEOUT_MS)) busy.push(dir)
  }
  if (busy[0] !== undefined) {
    throw new MountError(`remove group ${busy[0]}`, 'EBUSY', 'processes are still in it, or another program holds it; end them first')
  }
}

/**
 * Remove a group, the groups in it, and our common level if it was the last there.
 * @returns false when it is in use
 */
export function removeEmpty(dir: string, tree: Tree = realTree): boolean {
  if (!removeTree(dir, tree)) return false
  const above = dir.slice(0, dir.lastIndexOf('/'))
  // Refused while others are in it, which is as it should be.
  if (above.endsWith(`/${OUR_LEVEL}`)) removeOne(above, tree)
  return true
}

function removeTree(dir: string, tree: Tree): boolean {
  if (removeOne(dir, tree)) return true
  const inner = groupsIfThere(tree, dir)
  if (inner === undefined) return true
  for (const name of inner) {
    if (!removeTree(`${dir}/${name}`, tree)) return false
  }
  return removeOne(dir, tree)
}

/** @returns whether it is gone */
function removeOne(dir: string, tree: Tree): boolean {
  try {
    tree.rmdir(dir)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return true
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false
    throw new MountError(`remove group ${dir}`, code, 'cannot be removed')
  }
}
