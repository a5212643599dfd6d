/** Columns under headings, as docker aligns them; and `--format` of commands that list things. */
import { printJsonLine, writeText } from '../output.js'
import { compileTemplate } from './template.js'

/** Three blanks between columns, a column at least as wide as 10. Source: docker's tabwriter(20, 1, 3). */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [headings, ...rows]
  const widths = headings.map((_, i) => Math.max(...all.map((row) => [...(row[i] ?? '')].length)) + 3)
  for (const row of all) writeText(`${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('').trimEnd()}\n`)
}

/**
 * Print rows by a format: a template, `json` (an object a line), `table TEMPLATE` (with headings).
 * @param headings by field, for `table`
 */
export function printFormatted(format: string, rows: readonly Readonly<Record<string, unknown>>[], headings: Readonly<Record<string, string>>): void {
  if (format === 'json') return rows.forEach(printJsonLine)
  const table = /^table\s+([^]*)$/.exec(format)?.[1]
  const render = compileTemplate(table ?? format)
  if (table === undefined) return rows.forEach((row) => writeText(`${render(row)}\n`))
  const cells = (row: Readonly<Record<string, unknown>>): string[] => render(row).split('\t')
  printTable(cells(headings), rows.map(cells))
}
