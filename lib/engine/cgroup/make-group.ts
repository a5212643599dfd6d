/** Making the groups of a container, with its limits, before anything runs in them. */
import { MountError, usage } from '../../config/mount-error.js'
import { isMachineRoot } from '../../daemon/process-id.js'
import type { OciResources } from '../oci.js'
import { confineDevices } from './devices.js'
import { hierarchiesToUse, readHierarchies, type Hierarchies, type Hierarchy } from './hierarchies.js'
import { OUR_LEVEL, type GroupPlaces } from './places.js'
import { removeEmpty } from './remove-group.js'
import { setLimits, setUnasked } from './set-limits.js'
import { codeOf, readIfThere, realTree, type Tree } from './tree.js'
import { chooseBase, enableControllers } from './v2/delegate.js'

/** What a group is made of. */
export interface GroupRequest {
  /** The container's id. */
  readonly id: string
  /** `--cgroup-parent`: absolute, from the top of each hierarchy; else below the group we are in. Default `tsaufs` there. */
  readonly parent?: string
  /** What was asked for: if it cannot be had, there is no group. */
  readonly resources: OciResources
  /** What would be nice. */
  readonly unasked?: OciResources
}

/** A group that is there. */
export interface MadeGroup {
  readonly places: GroupPlaces
  /** What could not be had and was not asked for. */
  readonly notes: readonly string[]
}

/**
 * Make a group in every hierarchy where that is allowed, and set the limits.
 * @throws MountError when a limit asked for cannot be set, or the parent cannot be; nothing is left then
 */
export function makeGroup(request: GroupRequest, hierarchies: Hierarchies = readHierarchies(), tree: Tree = realTree): MadeGroup {
  checkRequest(request)
  const dirs: Record<string, string> = {}
  const made: string[] = []
  const refused: string[] = []
  try {
    for (const hierarchy of hierarchiesToUse(hierarchies)) {
      const dir = makeIn(hierarchy, request, hierarchies.version, tree, refused)
      if (dir === undefined) continue
      made.push(dir)
      for (const name of hierarchy.controllers.length === 0 ? ['unified'] : hierarchy.controllers) dirs[name] = dir
    }
    const places: GroupPlaces = { version: hierarchies.version, dirs, devicesConfined: false }
    // For an ordinary user it is no surprise.
    const notes = refused.length === 0 || !isMachineRoot() ? [] : [`cgroup: EACCES: no group may be made in ${refused.join(', ')}: what is counted and limited there is not`]
    const { devices = [], ...others } = request.resources
    setLimits(places, others, tree)
    if (request.unasked !== undefined) notes.push(...setUnasked(places, request.unasked, tree))
    const unconfined = confineDevices(places, devices, tree)
    // Without any group that has been said.
    if (unconfined !== undefined && made.length > 0) notes.push(unconfined)
    return { places: { ...places, devicesConfined: devices.length > 0 && unconfined === undefined }, notes }
  } catch (error) {
    for (const dir of made) removeEmpty(dir, tree)
    throw error
  }
}

/** One word of a group's name; also what a cgroup parent consists of. */
const WORD = /^[A-Za-z0-9_][A-Za-z0-9_.:@\\-]{0,254}$/

function checkRequest({ id, parent }: GroupRequest): void {
  if (!WORD.test(id)) throw usage(`group ${id}`, 'not the id of a container')
  if (parent === undefined) return
  const words = parent.split('/').filter((word) => word !== '')
  if (parent.length > 1024 || words.length === 0 || !words.every((word) => WORD.test(word))) {
    throw usage(`--cgroup-parent ${parent}`, 'not a path of groups; write it as /a/b, or a/b below our own group, without ..')
  }
}

/** Make the directories in one hierarchy. @returns undefined, and it is among the refused, when we may not */
function makeIn(
  hierarchy: Hierarchy, { id, parent }: GroupRequest, version: 1 | 2, tree: Tree, refused: string[],
): string | undefined {
  const pureV2 = version === 2
  const base = parent?.startsWith('/') === true ? hierarchy.mountpoint
    : pureV2 ? chooseBase(hierarchy, tree) : hierarchy.own
  if (base === undefined) {
    refused.push(hierarchy.own)
    return undefined
  }
  const above = parent?.split('/').filter((word) => word !== '') ?? [OUR_LEVEL]
  try {
    return makePath(base, [...above, id], pureV2, tree)
  } catch (error) {
    const code = codeOf(error)
    // Asked for by name, or there but in use, is never a note.
    if (error instanceof MountError) throw error
    if (parent !== undefined) throw new MountError(`--cgroup-parent ${parent}`, code, `cannot be made below ${base}`)
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(code)) throw new MountError(`group ${base}`, code, 'cannot be made')
    refused.push(base)
    return undefined
  }
}

const ATTEMPTS = 5

function makePath(base: string, words: readonly string[], pureV2: boolean, tree: Tree): string {
  for (let attempt = 1; ; attempt++) {
    try {
      return makeWords(base, words, pureV2, tree)
    } catch (error) {
      // Another command has just removed our common level, as it was empty.
      if (codeOf(error) !== 'ENOENT' || attempt === ATTEMPTS || !tree.exists(base)) throw error
    }
  }
}

function makeWords(base: string, words: readonly string[], pureV2: boolean, tree: Tree): string {
  let dir = base
  words.forEach((word, i) => {
    if (pureV2) enableControllers(dir, tree)
    const parent = dir
    dir = `${dir}/${word}`
    try {
      tree.mkdir(dir)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (i === words.length - 1) makeAgain(dir, tree)
    }
    inheritCpuset(parent, dir, tree)
  })
  return dir
}

/** What a crash left of an earlier run of the same container has its limits: begin anew. */
function makeAgain(dir: string, tree: Tree): void {
  if (!removeEmpty(dir, tree)) {
    throw new MountError(`group ${dir}`, 'EBUSY', 'processes of an earlier run are in it; end them first')
  }
  tree.mkdir(dir)
}

/** A cpuset of v1 begins empty, and nobody can enter an empty one. */
function inheritCpuset(parent: string, dir: string, tree: Tree): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const now = readIfThere(tree, `${dir}/${file}`)
    if (now === undefined || now.trim() !== '' || tree.exists(`${dir}/cgroup.controllers`)) continue
    const above = tree.read(`${parent}/${file}`).trim()
    if (above !== '') tree.write(`${dir}/${file}`, above)
  }
}
