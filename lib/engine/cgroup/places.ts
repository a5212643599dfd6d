/** Where the groups of one container are. Plain JSON: it is kept with the container. */
import type { CgroupHierarchy } from '../oci.js'
import type { Hierarchies } from './hierarchies.js'

/** Our level between the group we are in and those of containers. */
export const OUR_LEVEL = 'tsaufs'

export interface GroupPlaces {
  readonly version: 1 | 2
  /** Controller → absolute directory; `unified` is the one of v2. Controllers that share a hierarchy share a directory. */
  readonly dirs: Readonly<Record<string, string>>
  /** The device rules hold. If not, whoever may make nodes may open them. */
  readonly devicesConfined: boolean
}

/** The directories, each once. */
export function directories({ dirs }: GroupPlaces): string[] {
  return [...new Set(Object.values(dirs))]
}

/** The directory where a controller's files are. */
export function controllerDir({ version, dirs }: GroupPlaces, controller: string): string | undefined {
  return version === 2 ? dirs['unified'] : dirs[controller]
}

/** The cgroup.procs files: who is written into all of them is in the container's groups. */
export function procsFiles(places: GroupPlaces): string[] {
  return directories(places).map((dir) => `${dir}/cgroup.procs`)
}

/** The file whose line `oom_kill N` counts processes killed because the group was out of memory. */
export function oomCounter(places: GroupPlaces): string | undefined {
  const dir = controllerDir(places, 'memory')
  return dir && `${dir}/${places.version === 1 ? 'memory.oom_control' : 'memory.events'}`
}

/** What a mount of type `cgroup` in the container consists of. */
export function containerHierarchies(places: GroupPlaces, { v1, unified }: Hierarchies): CgroupHierarchy[] {
  if (places.version === 2) {
    const path = places.dirs['unified']
    return path === undefined || unified === undefined ? [] : [{ name: '', options: [], links: [], path }]
  }
  return v1.flatMap(({ controllers }) => {
    const path = places.dirs[controllers[0]!]
    if (path === undefined) return []
    const [, named] = /^name=(.*)$/.exec(controllers[0]!) ?? []
    if (named !== undefined) return [{ name: named, options: ['none', `name=${named}`], links: [], path }]
    return [{ name: controllers.join(','), options: [...controllers], links: controllers.length > 1 ? [...controllers] : [], path }]
  })
}
