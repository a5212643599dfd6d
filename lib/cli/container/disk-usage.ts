/** `tsaufs system df`: what containers and volumes take of the disk, as docker tells it. */
import { allContainers } from '../../engine/store/containers.js'
import type { StateRoot } from '../../engine/store/root.js'
import { isRunning, stateOf } from '../../engine/store/status.js'
import { containerSize, diskUsage } from '../../engine/store/usage.js'
import { allVolumes, usersOf } from '../../engine/store/volumes.js'
import { formatQuantity } from '../../util/quantity.js'
import { printFormatted, printTable } from './table.js'

const HEADINGS = { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' }

/** Things of one kind: how large each is, and whether it is in use. */
interface Used {
  readonly size: number
  readonly active: boolean
}

function rowOf(type: string, all: readonly Used[]): Record<keyof typeof HEADINGS, string> {
  const sum = (list: readonly Used[]): number => list.reduce((total, { size }) => total + size, 0)
  const size = sum(all)
  const idle = sum(all.filter(({ active }) => !active))
  const share = size > 0 ? ` (${Math.trunc(idle * 100 / size)}%)` : ''
  return {
    Type: type, TotalCount: String(all.length), Active: String(all.filter(({ active }) => active).length), Size: formatQuantity(size, 1000),
    Reclaimable: `${formatQuantity(idle, 1000)}${share}`,
  }
}

/** Print it. @param format a template, `json`, or undefined for the table */
export function showDiskUsage(root: StateRoot, format: string | undefined): void {
  const containers = allContainers(root).map((each) => ({ size: containerSize(each), active: isRunning(stateOf(each)) }))
  const volumes = allVolumes(root).map((each) => ({ size: diskUsage(each.data), active: usersOf(root, each.record.name).length > 0 }))
  const rows = [rowOf('Containers', containers), rowOf('Local Volumes', volumes)]
  if (format !== undefined && format !== 'table') return printFormatted(format, rows, HEADINGS)
  printTable(Object.values(HEADINGS), rows.map((row) => Object.values(row)))
}
