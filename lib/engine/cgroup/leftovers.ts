/** Groups that nobody takes away any more. */
import { statSync } from 'node:fs'
import { hierarchiesToUse, readHierarchies, type Hierarchies } from './hierarchies.js'
import { directories, OUR_LEVEL, type GroupPlaces } from './places.js'
import { removeEmpty } from './remove-group.js'
import { groupsIfThere, readIfThere, realTree, type Tree } from './tree.js'
import { chooseBase } from './v2/delegate.js'

/** A start that is under way has made its groups and has no process in them yet. */
const YOUNG_MS = 60_000
const CONTAINER_ID = /^[0-9a-f]{64}$/

/** The container has a group somewhere. */
export function groupExists(places: GroupPlaces, tree: Tree = realTree): boolean {
  return directories(places).some((dir) => tree.exists(dir))
}

/**
 * Groups at our level of containers nobody knows, without a process, and not of just now.
 * @param isKnown by id
 * @param ageMs of a directory
 */
export function strayGroups(
  isKnown: (id: string) => boolean, hierarchies: Hierarchies = readHierarchies(), tree: Tree = realTree, ageMs: (dir: string) => number = age,
): string[] {
  return hierarchiesToUse(hierarchies).flatMap((hierarchy) => {
    const base = hierarchies.version === 2 ? chooseBase(hierarchy, tree) : hierarchy.own
    return base === undefined ? [] : strays(`${base}/${OUR_LEVEL}`, isKnown, tree, ageMs)
  })
}

function strays(level: string, isKnown: (id: string) => boolean, tree: Tree, ageMs: (dir: string) => number): string[] {
  return (groupsIfThere(tree, level) ?? []).filter((id) => CONTAINER_ID.test(id) && !isKnown(id)).map((id) => `${level}/${id}`)
    .filter((dir) => (readIfThere(tree, `${dir}/cgroup.procs`) ?? '') === '' && ageMs(dir) > YOUNG_MS)
}

/** Remove one. One that has processes meanwhile stays. */
export async function removeStray(dir: string, tree: Tree = realTree): Promise<void> {
  removeEmpty(dir, tree)
}

/** The group's directory is as old as the group; one that has just gone is young. */
function age(dir: string): number {
  const stat = statSync(dir, { throwIfNoEntry: false })
  return stat === undefined ? 0 : Date.now() - stat.ctimeMs
}
