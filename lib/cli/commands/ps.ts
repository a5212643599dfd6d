/**
 * `tsaufs ps`: the containers.
 */
import type { Command } from 'commander'
import { usage } from '../../engine/error.js'
import { allContainers } from '../../engine/store/containers.js'
import { psRow, type PsRow } from '../../engine/store/describe.js'
import { asksForAll, parseFilters } from '../../engine/store/filters.js'
import { isRunning, stateOf } from '../../engine/store/status.js'
import { ContainerCommand, many, rootOf } from '../container/command.js'
import { printFormatted, printTable } from '../container/table.js'
import { oneLineOfText, writeText } from '../output.js'

interface Options {
  readonly all?: true
  readonly quiet?: true
  readonly filter?: readonly string[]
  readonly format?: string
  readonly trunc: boolean
  readonly last?: string
  readonly latest?: true
}

const HEADINGS: Readonly<Record<keyof PsRow, string>> = {
  ID: 'CONTAINER ID', Image: 'IMAGE', Command: 'COMMAND', RunningFor: 'CREATED', Status: 'STATUS', Ports: 'PORTS', Names: 'NAMES',
  CreatedAt: 'CREATED AT', State: 'STATE', Labels: 'LABELS', Mounts: 'MOUNTS', Networks: 'NETWORKS', LocalVolumes: 'LOCAL VOLUMES',
}
const COLUMNS: readonly (keyof PsRow)[] = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names']

/** Build the command. */
export function psCommand(): Command {
  return new ContainerCommand('ps')
    .description('list containers; those that run unless told otherwise')
    .usage('[OPTIONS]')
    .option('-a, --all', 'those that do not run as well')
    .option('-q, --quiet', 'ids only')
    .option('-f, --filter <filter>', 'those with status=, name=, id=, label=, exited=, ancestor=, before=, since=, volume=, network=', many)
    .option('--format <format>', "a template as '{{.ID}} {{.Status}}', 'table TEMPLATE', 'json'")
    .option('--no-trunc', 'ids and commands at full length')
    .option('-n, --last <n>', 'the n that were made last, whatever their state')
    .option('-l, --latest', 'the one that was made last')
    .action((options: Options, command: Command) => {
      const root = rootOf(command)
      const filters = options.filter ?? []
      const last = options.latest === true ? 1 : options.last === undefined ? undefined : Number(options.last)
      if (last !== undefined && !Number.isInteger(last)) throw usage(`ps --last ${options.last}`, 'invalid value: it must be a whole number')
      const all = options.all === true || last !== undefined || asksForAll(filters)
      const holds = parseFilters(filters, root)
      const seen = allContainers(root)
        .map((container) => ({ container, state: stateOf(container) }))
        .filter((each) => (all || isRunning(each.state) || each.state.status === 'restarting') && holds(each))
        .slice(0, last !== undefined && last >= 0 ? last : undefined)
      const rows = seen.map(({ container, state }) => visible(psRow(container, state, options.trunc)))
      if (options.quiet === true) return rows.forEach(({ ID }) => writeText(`${ID}\n`))
      if (options.format !== undefined && options.format !== 'table') return printFormatted(options.format, rows, HEADINGS)
      printTable(COLUMNS.map((each) => HEADINGS[each]), rows.map((row) => COLUMNS.map((each) => row[each])))
    })
}

/** Nothing that people have put into arguments or labels reaches the terminal as more than text. */
function visible(row: PsRow): Record<keyof PsRow, string> {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, oneLineOfText(value as string)])) as Record<keyof PsRow, string>
}
