/** What a run found, as it is printed and kept. */
import type { Group, Row, Sample } from './row.js'
import type { Kind, Subject } from './subjects.js'

/** One subject in one row: its median over the rounds, or why there is none. */
export interface Cell {
  readonly samples: number[]
  readonly serverNs: number[]
  /** Why it was not measured, or how it failed. */
  why: string | null
}

export interface RowResult {
  readonly name: string
  readonly group: Group
  readonly about: string
  readonly unit: Row['unit']
  readonly cells: Record<string, Cell>
}

/** Where and on what it ran. */
export interface Circumstances {
  readonly date: string
  readonly commit: string
  readonly kernel: string
  readonly cpus: number
  readonly node: string
  /** Type of the file system of the branches. */
  readonly branches: string
  readonly rounds: number
  readonly scale: number
}

export interface Results {
  readonly circumstances: Circumstances
  readonly subjects: { readonly name: string; readonly kind: Kind }[]
  /** Subjects that could not take part, with the reason. */
  readonly missing: Record<string, string>
  readonly rows: RowResult[]
}

/** The middle value; the mean of the two middle ones of an even number; null of none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The row's result before anything was measured. */
export function emptyRow(row: Row, subjects: readonly Subject[]): RowResult {
  const cells: Record<string, Cell> = {}
  for (const subject of subjects) cells[subject.name] = { samples: [], serverNs: [], why: whyNot(row, subject) }
  return { name: row.name, group: row.group, about: row.about, unit: row.unit, cells }
}

function whyNot(row: Row, subject: Subject): string | null {
  if ((subject.kind === 'floor' && !row.floor) || subject.only?.includes(row.name) === false) return 'means nothing here'
  return row.without[subject.name] ?? null
}

/** Add a sample to a cell. */
export function addSample(cell: Cell, sample: Sample): void {
  cell.samples.push(sample.value)
  if (sample.serverNs !== null) cell.serverNs.push(sample.serverNs)
}

/** Median of a subject in a row; null when it was not measured. */
export function valueOf(results: Results, rowName: string, subject: string): number | null {
  const row = results.rows.find(each => each.name === rowName)
  return row === undefined ? null : median(row.cells[subject]?.samples ?? [])
}

/** The fastest of the other unions in user space. */
export function fastestPeer(results: Results, rowName: string): number | null {
  const values = results.subjects.filter(({ kind }) => kind === 'peer').map(({ name }) => valueOf(results, rowName, name))
  const known = values.filter(value => value !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** `a / b`; null when one is not known. */
export function ratio(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b
}
