/**
 * `tsaufs ledger`: the copy-ups of a mount, one by one or summed up.
 */
import { Command, Option } from 'commander'
import { readLedger, type CopyUpEntry, type LedgerReport, type Sum } from '../../daemon/ledger.js'
import { mountNamed } from '../mount-named.js'
import { oneLine, print, printJson, readableAll } from '../output.js'

/** What entries may be summed up by, and the key of each. */
const SUMMARIES: Readonly<Record<string, (entry: CopyUpEntry) => string>> = {
  process: (entry) => commandOf(entry),
  path: (entry) => pathOf(entry),
  reason: (entry) => entry.reason,
  user: (entry) => String(entry.uid),
}

interface Flags {
  readonly by?: string
  readonly json?: true
}

/** Build the command. */
export function ledgerCommand(): Command {
  return new Command('ledger')
    .description('the copy-ups of a mount: when, how many bytes, why, by which process, what')
    .argument('<mountpoint>')
    .addOption(new Option('--by <what>', 'sums only, largest first').choices(Object.keys(SUMMARIES)))
    .option('--json', 'for programs')
    .action(async (mountpoint: string, { by, json }: Flags) => {
      const report = await readLedger(mountNamed('ledger', mountpoint))
      if (by !== undefined) return printSums(sumsBy(report, by), json === true)
      if (json === true) return printJson(readableAll(report))
      for (const entry of report.entries) print(oneLine(lineOf(entry)))
      const kept = report.entries.length
      const older = report.total.count - kept
      print(`${report.total.count} copy-ups, ${report.total.bytes} bytes since ${time(report.sinceMs)}`
        + (older > 0 ? `; the first ${older} are counted only` : ''))
    })
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

function pathOf(entry: CopyUpEntry): string {
  return entry.path === '' ? '(deleted)' : entry.path
}

function commandOf(entry: CopyUpEntry): string {
  if (entry.pid === 0) return '(kernel)'
  return entry.command === '' ? '?' : entry.command
}

function lineOf(entry: CopyUpEntry): string {
  const { timeMs, bytes, reason, pid, uid, from, to } = entry
  const who = pid === 0 ? commandOf(entry) : `${commandOf(entry)}[${pid}]`
  return `${time(timeMs)} ${String(bytes).padStart(10)} ${reason.padEnd(8)} ${who} uid=${uid} ${pathOf(entry)} ${from} -> ${to}`
}

/** Sums by key, largest first. By reason all copy-ups count, else those whose entries are kept. */
function sumsBy(report: LedgerReport, by: string): (Sum & { readonly key: string })[] {
  const sums = new Map<string, Sum>(by === 'reason' ? Object.entries(report.byReason) : [])
  for (const entry of by === 'reason' ? [] : report.entries) {
    const key = SUMMARIES[by]!(entry)
    const { count, bytes } = sums.get(key) ?? { count: 0, bytes: 0 }
    sums.set(key, { count: count + 1, bytes: bytes + entry.bytes })
  }
  return [...sums].map(([key, sum]) => ({ key, ...sum })).sort((a, b) => b.bytes - a.bytes || b.count - a.count)
}

function printSums(sums: readonly (Sum & { readonly key: string })[], json: boolean): void {
  if (json) return printJson(readableAll(sums))
  for (const { key, count, bytes } of sums) print(oneLine(`${String(count).padStart(7)} ${String(bytes).padStart(12)} ${key}`))
}
