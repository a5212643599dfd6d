/** `tsaufs stats` of containers: a table that is drawn anew every second, or once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sample, statsOf, type Sample, type Stats } from '../../engine/life/stats.js'
import { allContainers, readContainer } from '../../engine/store/containers.js'
import type { Container } from '../../engine/store/record.js'
import { isRunning, stateOf } from '../../engine/store/status.js'
import type { StateRoot } from '../../engine/store/root.js'
import { complain, oneLine, printJson, printJsonLine, readableAll, writeText } from '../output.js'
import { STATS_COLUMNS, STATS_HEADINGS, statsRow } from './show-stats.js'
import { printFormatted, printTable } from './table.js'

/** What was asked for. */
export interface StatsOptions {
  readonly all?: true
  readonly stream: boolean
  readonly trunc: boolean
  readonly format?: string
  readonly json?: true
}

const INTERVAL_MS = 1000
const HOME_AND_CLEAR = '\x1b[H\x1b[J'

/** Show them until interrupted. @param named of these, or of all that run when there are none */
export async function showStats(root: StateRoot, named: readonly Container[], options: StatsOptions): Promise<void> {
  const look = (): Sample[] => chosen(root, named, options).map(sample)
  let before = look()
  if (before.some(isUncounted)) complain('stats: there is no cgroup for containers of an ordinary user here: their processors, memory and disks are not counted')
  const redraw = options.stream && options.format === undefined && options.json !== true && process.stdout.isTTY
  for (;;) {
    // A share of time needs two looks.
    await sleep(INTERVAL_MS)
    const now = look()
    const earlier = new Map(before.map((each) => [each.container.record.id, each]))
    if (redraw) writeText(HOME_AND_CLEAR)
    show(now.map((each) => statsOf(each, earlier.get(each.container.record.id))), options)
    if (!options.stream || (named.length > 0 && now.length === 0)) return
    before = now
  }
}

/** It runs, in no group. */
function isUncounted({ usage }: Sample): boolean {
  return usage !== undefined && Object.keys(usage).length === 0
}

function chosen(root: StateRoot, named: readonly Container[], { all }: StatsOptions): Container[] {
  if (named.length === 0) return allContainers(root).filter((each) => all === true || isRunning(stateOf(each)))
  // Their records may have changed, or gone.
  return named.map(({ record }) => readContainer(root, record.id)).filter((each) => each !== undefined)
}

function show(all: readonly Stats[], { stream, trunc, format, json }: StatsOptions): void {
  if (json === true) return stream ? printJsonLine(readableAll(all)) : printJson(readableAll(all))
  const rows = all.map((each) => statsRow({ ...each, name: oneLine(each.name) }, trunc))
  if (format !== undefined && format !== 'table') return printFormatted(format, rows.map((row) => ({ ...row })), STATS_HEADINGS)
  printTable(STATS_COLUMNS.map((each) => STATS_HEADINGS[each]), rows.map((row) => STATS_COLUMNS.map((each) => row[each])))
}
