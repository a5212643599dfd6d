/** Which processors and memory nodes we may use, ourselves and so our containers. */
import { cpus as processors } from 'node:os'
import { parseNumberList, type Machine } from './check-limits.js'
import type { Hierarchies } from './hierarchies.js'
import { readIfThere, realTree, type Tree } from './tree.js'

/** As the cpuset of our own group says it; without one, all that there are. */
export function machine({ version, v1, unified }: Hierarchies, tree: Tree = realTree): Machine {
  const own = version === 1 ? v1.find(({ controllers }) => controllers.includes('cpuset'))?.own : unified?.own
  const list = (...files: string[]): number[] => {
    for (const file of own === undefined ? [] : files) {
      const numbers = parseNumberList(readIfThere(tree, `${own}/${file}`) ?? '')
      if (numbers.length > 0) return numbers
    }
    return []
  }
  const cpus = list('cpuset.effective_cpus', 'cpuset.cpus.effective', 'cpuset.cpus')
  const mems = list('cpuset.effective_mems', 'cpuset.mems.effective', 'cpuset.mems')
  return {
    cpus: cpus.length > 0 ? cpus : processors().map((_, i) => i),
    mems: mems.length > 0 ? mems : parseNumberList(readIfThere(tree, '/sys/devices/system/node/online') ?? '0'),
  }
}
