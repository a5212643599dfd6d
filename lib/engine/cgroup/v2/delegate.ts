/**
 * Where a group of cgroup v2 can have controllers. A group that has processes cannot give controllers to its children
 * (only the root of all can), so the group that we are in ourselves is often not the place.
 * Source: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint", "Delegation".
 */
import type { Hierarchy } from '../hierarchies.js'
import { readIfThere, type Tree } from '../tree.js'

/** The controllers that limits and statistics need. */
export const WANTED: readonly string[] = ['cpu', 'cpuset', 'io', 'memory', 'pids']

/**
 * Our own group or the nearest above it that can give its children most of `WANTED`.
 * @returns undefined when we may not make groups in any of them
 */
export function chooseBase({ own, mountpoint }: Hierarchy, tree: Tree): string | undefined {
  let best: string | undefined
  let most = -1
  for (let dir = own; ; dir = dir.slice(0, dir.lastIndexOf('/'))) {
    // Who brings a process in must be allowed to write there too.
    if (tree.writable(dir) && tree.writable(`${dir}/cgroup.procs`)) {
      const count = offered(dir, tree).length
      if (count > most) [best, most] = [dir, count]
    }
    if (dir.length <= mountpoint.length) return best
  }
}

/** The wanted controllers that children of `dir` have or may be given. */
function offered(dir: string, tree: Tree): string[] {
  const words = (file: string): string[] => (readIfThere(tree, `${dir}/${file}`) ?? '').split(/\s+/)
  const isTop = !tree.exists(`${dir}/cgroup.events`)
  const mayGive = isTop || words('cgroup.procs').every((pid) => pid === '')
  return words(mayGive ? 'cgroup.controllers' : 'cgroup.subtree_control').filter((name) => WANTED.includes(name))
}

/** Give the children of `dir` what they may have. What is refused shows when a limit is to be set. */
export function enableControllers(dir: string, tree: Tree): void {
  const given = (readIfThere(tree, `${dir}/cgroup.subtree_control`) ?? '').split(/\s+/)
  const available = (readIfThere(tree, `${dir}/cgroup.controllers`) ?? '').split(/\s+/)
  for (const name of WANTED) {
    if (given.includes(name) || !available.includes(name)) continue
    try {
      tree.write(`${dir}/cgroup.subtree_control`, `+${name}`)
    } catch {
      // One of them refused (cpuset over a partition, processes in the group) must not cost the others.
    }
  }
}
