/** Changing the limits of a group that is in use. */
import type { OciResources } from '../oci.js'
import { controllerDir, type GroupPlaces } from './places.js'
import { setLimits } from './set-limits.js'
import { readIfThere, realTree, type Tree } from './tree.js'
import { settingsOf } from './writers.js'

/**
 * Set limits; either all of them, or those of before hold.
 * @throws MountError for the first that cannot be set
 */
export function changeLimits(places: GroupPlaces, resources: OciResources, tree: Tree = realTree): void {
  const before = new Map<string, string>()
  for (const { controller, files } of settingsOf(places.version, resources)) {
    for (const file of files) {
      const path = `${controllerDir(places, controller)}/${file}`
      const text = readIfThere(tree, path)
      if (text !== undefined) before.set(path, text.trim())
    }
  }
  try {
    setLimits(places, resources, tree)
  } catch (error) {
    putBack(before, tree)
    throw error
  }
}

/** Twice: a limit may stand in another's way, whichever goes first. What was refused then has not been changed either. */
function putBack(before: ReadonlyMap<string, string>, tree: Tree): void {
  for (let round = 0; round < 2; round++) {
    for (const [path, text] of before) {
      if (readIfThere(tree, path)?.trim() === text) continue
      try {
        tree.write(path, text)
      } catch (error) {
        if (round === 1) throw error
      }
    }
  }
}
