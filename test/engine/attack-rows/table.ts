/** The table of docs/security.md. */
import { BEFORE_EXEC } from './before-exec.js'
import { MORE } from './more.js'
import { RIGHTS } from './rights.js'
import { ROOT } from './root.js'
import type { Verdicts } from './row.js'

/** Rows of one run, by which all three launchers are asked. */
export const ROWS = [...BEFORE_EXEC, ...ROOT, ...RIGHTS]

const cell = (text: string): string => (text === '' ? '-' : text.replaceAll('|', '\\|'))

/** Markdown, in the order of the points. An empty cell: there is nothing there to compare. */
export function attackTable(): string {
  const rows: readonly Verdicts[] = [...ROWS, ...Object.values(MORE)].toSorted((a, b) => a.point - b.point)
  return ['| | attack | tsaufs | runc 1.1.5 | crun 1.8.1 |', '|---|---|---|---|---|',
    ...rows.map(({ point, name, tsaufs, runc, crun }) => `| ${[String(point), name, tsaufs, runc, crun].map(cell).join(' | ')} |`)].join('\n')
}
