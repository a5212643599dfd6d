/**
 * Which cgroup hierarchies there are, where they are mounted, and where in them we are ourselves.
 * Source: cgroups(7), "/proc/self/cgroup"; cgroup_namespaces(7) for paths and roots that are not the real ones.
 */
import { readFileSync } from 'node:fs'
import { contains, parseMountinfo, type MountEntry } from '../../daemon/mountinfo.js'

/** One mounted hierarchy. */
export interface Hierarchy {
  /** v1: the controllers in it, or `name=systemd`; v2: none. */
  readonly controllers: readonly string[]
  readonly mountpoint: string
  /** Absolute directory of the group that we are in. */
  readonly own: string
}

/** All of them. `version` tells where limits are set: 1 as soon as one controller of v1 is mounted ("hybrid" too). */
export interface Hierarchies {
  readonly version: 1 | 2
  readonly v1: readonly Hierarchy[]
  readonly unified?: Hierarchy
}

/** Controllers that groups are made for. The named hierarchy keeps a service manager from taking a container for the shell's. */
export const CONTROLLERS: readonly string[] = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'devices', 'freezer']
const NAMED = 'name=systemd'

/** Of this process. */
export function readHierarchies(): Hierarchies {
  return findHierarchies(readFileSync('/proc/self/cgroup', 'latin1'), readFileSync('/proc/self/mountinfo', 'latin1'))
}

/**
 * @param memberships text of /proc/self/cgroup
 * @param mountinfo text of /proc/self/mountinfo
 */
export function findHierarchies(memberships: string, mountinfo: string): Hierarchies {
  const mounts = parseMountinfo(mountinfo).filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
  const v1: Hierarchy[] = []
  let unified: Hierarchy | undefined
  for (const line of memberships.split('\n')) {
    const [, number, list, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (number === undefined || list === undefined || path === undefined) continue
    if (number === '0' && list === '') {
      unified = hierarchy([], path, mounts.filter(({ type }) => type === 'cgroup2'))
      continue
    }
    const controllers = list.split(',')
    if (!controllers.some((name) => CONTROLLERS.includes(name) || name === NAMED)) continue
    const ours = mounts.filter(({ type, superOptions }) => type === 'cgroup' && superOptions.includes(controllers[0]!))
    const found = hierarchy(controllers, path, ours)
    if (found !== undefined) v1.push(found)
  }
  const version = v1.some(({ controllers }) => controllers[0] !== NAMED) ? 1 : 2
  return { version, v1, ...unified !== undefined && { unified } }
}

/** Where `path` is seen in one of the mounts; the mount's own root when it lies outside of them all. */
function hierarchy(controllers: readonly string[], path: string, mounts: readonly MountEntry[]): Hierarchy | undefined {
  const mount = mounts.findLast(({ root }) => contains(root, path)) ?? mounts.at(-1)
  if (mount === undefined) return undefined
  const below = !contains(mount.root, path) ? '' : mount.root === '/' ? path : path.slice(mount.root.length)
  return { controllers, mountpoint: mount.mountpoint, own: `${mount.mountpoint}${below === '/' ? '' : below}` }
}

/** The hierarchies by which a container is limited; in the hybrid layout also the empty v2 one, for its cgroup.kill. */
export function hierarchiesToUse({ version, v1, unified }: Hierarchies): Hierarchy[] {
  return [...version === 1 ? v1 : [], ...unified === undefined ? [] : [unified]]
}
