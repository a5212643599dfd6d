/** Writing limits into the files of a group. */
import { MountError } from '../../config/mount-error.js'
import { isMachineRoot } from '../../daemon/process-id.js'
import type { OciResources } from '../oci.js'
import { controllerDir, type GroupPlaces } from './places.js'
import type { Setting } from './setting.js'
import { codeOf, realTree, type Tree } from './tree.js'
import { settingsOf } from './writers.js'

/**
 * Set limits, now and for whoever is in the group.
 * @throws MountError at the first that cannot be set; those before it are set. One that was refused only because another
 *   stood in its way (a memory limit above that of memory and swap) is tried again after the others.
 */
export function setLimits(places: GroupPlaces, resources: OciResources, tree: Tree = realTree): void {
  const later: Setting[] = []
  for (const setting of settingsOf(places.version, resources)) {
    try {
      setOne(places, setting, tree)
    } catch (error) {
      if (!(error instanceof MountError) || error.code !== 'EINVAL') throw error
      later.push(setting)
    }
  }
  for (const setting of later) setOne(places, setting, tree)
}

/** Set what nobody asked for. @returns a note for each that cannot be had */
export function setUnasked(places: GroupPlaces, resources: OciResources, tree: Tree = realTree): string[] {
  const notes: string[] = []
  for (const setting of settingsOf(places.version, resources)) {
    try {
      setOne(places, setting, tree)
    } catch (error) {
      if (!(error instanceof MountError)) throw error
      notes.push(error.message)
    }
  }
  return notes
}

function setOne(places: GroupPlaces, setting: Setting, tree: Tree): void {
  const { controller, files, value, option, orElse } = setting
  const tried = `${option} ${value}`
  const dir = controllerDir(places, controller)
  if (dir === undefined) {
    throw new MountError(tried, 'EOPNOTSUPP', `there is no ${controller} controller for us here${rootlessHint()}`)
  }
  const file = files.find((name) => tree.exists(`${dir}/${name}`))
  if (file === undefined) {
    if (orElse !== undefined) return setOne(places, orElse, tree)
    const why = places.version === 2 && !hasController(tree, dir, controller)
      ? `the ${controller} controller of cgroup v2 is not given to us` : `this kernel has no ${files[0]}`
    throw new MountError(tried, 'EOPNOTSUPP', `${why}; leave the limit out`)
  }
  try {
    tree.write(`${dir}/${file}`, value)
  } catch (error) {
    throw new MountError(tried, codeOf(error), `${dir}/${file}: ${REASONS[codeOf(error)] ?? 'the kernel does not take it'}`)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'more than that is in use',
  EACCES: 'no permission; cgroups belong to root here, or to a service manager that did not delegate them',
  EPERM: 'no permission, or the group above does not allow it',
  EINVAL: 'not a value the kernel takes, or more than the group above has',
  ENODEV: 'there is no such device, or it cannot be limited',
}

function rootlessHint(): string {
  return isMachineRoot() ? '; leave the limit out' : ', an ordinary user; leave the limit out, or run as root'
}

function hasController(tree: Tree, dir: string, controller: string): boolean {
  return tree.exists(`${dir}/cgroup.controllers`) && tree.read(`${dir}/cgroup.controllers`).split(/\s/).includes(controller)
}
