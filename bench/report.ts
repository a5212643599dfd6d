/** Results as Markdown. */
import { fastestPeer, median, ratio, valueOf, type Results, type RowResult } from './results.js'
import type { Verdict } from './targets.js'

const steps = { ns: [['ns', 1], ['us', 1e3], ['ms', 1e6], ['s', 1e9]], bytes: [['B', 1], ['KiB', 1024], ['MiB', 1024 ** 2]] } as const

/** A number with its unit, three digits: `12.3 us`. */
export function format(value: number, unit: 'ns' | 'bytes' | 'x'): string {
  if (unit === 'x') return value.toFixed(2)
  if (value === 0) return '0'
  const table: readonly (readonly [string, number])[] = steps[unit]
  const [name, size] = table.findLast(([, size]) => Math.abs(value) >= size) ?? table[0]!
  const scaled = value / size
  return `${scaled.toFixed(Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2)} ${name}`
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = header.map((text, i) => Math.max(3, text.length, ...lines.map(line => line[i]!.length)))
  const row = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [row(header), row(widths.map(width => '-'.repeat(width))), ...lines.map(row)].join('\n')
}

/** Medians: why a subject has none is told below the table, by number. */
function medians(results: Results, rows: readonly RowResult[]): string {
  const notes: string[] = []
  const names = results.subjects.map(({ name }) => name)
  const cell = (row: RowResult, name: string): string => {
    const found = row.cells[name]!
    const value = median(found.samples)
    if (value !== null) return format(value, row.unit)
    const why = `${name}: ${found.why ?? 'not measured'}`
    if (found.why === 'means nothing here') return ''
    if (!notes.includes(why)) notes.push(why)
    return `[${notes.indexOf(why) + 1}]`
  }
  const lines = rows.map(row => [row.name, ...names.map(name => cell(row, name))])
  const text = table(['median per operation', ...names], lines)
  return [text, '', ...notes.map((note, i) => `[${i + 1}] ${note}  `)].join('\n').trimEnd()
}

const orDash = (value: number | null): string => (value === null ? '-' : format(value, 'x'))

function ratios(results: Results, rows: readonly RowResult[]): string {
  const ours = results.subjects.filter(({ kind }) => kind === 'tsaufs').map(({ name }) => name)
  const bases: [string, (row: string) => number | null][] = [
    ['fuse-overlayfs', row => valueOf(results, row, 'fuse-overlayfs')],
    ['overlayfs', row => valueOf(results, row, 'overlayfs')],
    ['fastest peer', row => fastestPeer(results, row)],
    ['null', row => valueOf(results, row, 'null')],
  ]
  const used = bases.filter(([, base]) => rows.some(({ name }) => base(name) !== null))
  if (ours.length === 0 || used.length === 0) return ''
  const header = ['ratio', ...ours.flatMap(name => used.map(([base]) => `${name} / ${base}`))]
  const lines = rows.map(({ name }) => [name, ...ours.flatMap(our => used.map(([, base]) => orDash(ratio(valueOf(results, name, our), base(name)))))])
  return table(header, lines)
}

function serverTimes(results: Results, rows: readonly RowResult[]): string {
  const served = results.subjects.map(({ name }) => name).filter(name => rows.some(row => row.cells[name]!.serverNs.length > 0))
  const told = rows.filter(row => served.some(name => row.cells[name]!.serverNs.length > 0))
  if (told.length === 0) return ''
  const cell = (row: RowResult, name: string): string => {
    const value = median(row.cells[name]!.serverNs)
    return value === null ? '' : format(value, 'ns')
  }
  return table(['server\'s processor time per operation', ...served], told.map(row => [row.name, ...served.map(name => cell(row, name))]))
}

function targets(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ target, limit, unit, figures, met }) => {
    const worst = [...figures].sort((a, b) => b.value - a.value)
    const told = worst.slice(0, 4).map(({ what, value }) => `${what} ${format(value, unit)}`).join(', ')
    const kept = figures.filter(({ value }) => value <= limit).length
    const verdict = met === null ? 'not measured' : met ? 'met' : 'NOT MET'
    return [target, `<= ${format(limit, unit)}`, verdict, met === null ? '' : `${kept} of ${figures.length}`, told]
  })
  return table(['target', 'limit', 'verdict', 'within', 'highest'], lines)
}

const groupNames = { micro: 'Micro', macro: 'Macro', scale: 'Scale' } as const

/** The whole report. */
export function markdown(results: Results, verdicts: readonly Verdict[]): string {
  const { date, commit, kernel, cpus, node, branches, rounds, scale } = results.circumstances
  const parts = [`# Benchmark\n\n${date}, commit ${commit}, Linux ${kernel}, ${cpus} processors, node ${node}, branches on ${branches}, `
    + `${rounds} rounds, scale ${scale}`]
  for (const [name, reason] of Object.entries(results.missing)) parts.push(`Left out: ${name}, ${reason}`)
  for (const group of ['micro', 'macro', 'scale'] as const) {
    const rows = results.rows.filter(row => row.group === group)
    if (rows.length === 0) continue
    parts.push(`## ${groupNames[group]}`, medians(results, rows), ratios(results, rows), serverTimes(results, rows))
  }
  parts.push('## Targets', targets(verdicts))
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}
