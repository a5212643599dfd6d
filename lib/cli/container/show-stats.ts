/** Stats as docker shows them. */
import type { Stats } from '../../engine/life/stats.js'
import { shortId } from '../../engine/store/ids.js'
import { formatQuantity } from '../../util/quantity.js'

/** A row; the names are docker's for `--format`. */
export interface StatsRow {
  readonly Container: string
  readonly ID: string
  readonly Name: string
  readonly CPUPerc: string
  readonly MemUsage: string
  readonly MemPerc: string
  readonly NetIO: string
  readonly BlockIO: string
  readonly PIDs: string
  /** Ours: memory of the monitor and of the daemon that serves its root. */
  readonly Helpers: string
}

export const STATS_HEADINGS: Readonly<Record<keyof StatsRow, string>> = {
  Container: 'CONTAINER', ID: 'CONTAINER ID', Name: 'NAME', CPUPerc: 'CPU %', MemUsage: 'MEM USAGE / LIMIT', MemPerc: 'MEM %',
  NetIO: 'NET I/O', BlockIO: 'BLOCK I/O', PIDs: 'PIDS', Helpers: 'MONITOR + ROOT',
}
export const STATS_COLUMNS: readonly (keyof StatsRow)[] = ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs', 'Helpers']

const NONE = '--'
const percent = (value: number | undefined): string => value === undefined ? NONE : `${value.toFixed(2)}%`
const binary = (bytes: number | undefined): string => bytes === undefined ? NONE : formatQuantity(bytes, 1024)
const decimal = (bytes: number | undefined): string => bytes === undefined ? NONE : formatQuantity(bytes, 1000)

/** The row of a container. @param truncate its id to 12 digits */
export function statsRow(stats: Stats, truncate: boolean): StatsRow {
  return {
    Container: stats.name, ID: truncate ? shortId(stats.id) : stats.id, Name: stats.name,
    CPUPerc: percent(stats.cpuPercent),
    MemUsage: `${binary(stats.memory)} / ${binary(stats.memoryLimit)}`, MemPerc: percent(stats.memoryPercent),
    NetIO: `${decimal(stats.netReceived)} / ${decimal(stats.netSent)}`,
    BlockIO: `${decimal(stats.blockRead)} / ${decimal(stats.blockWritten)}`,
    PIDs: stats.pids === undefined ? NONE : String(stats.pids),
    Helpers: `${binary(stats.monitorMemory)} + ${binary(stats.daemonMemory)}`,
  }
}
