/**
 * The option table as help text.
 */
import { ATTRIBUTE_HELP } from '../config/branches.js'
import { OPTION_ROWS, type OptionRow } from '../config/options.js'

const WIDTH = 26

function line(row: OptionRow): string {
  const words = [row.name, ...(row.aliases ?? [])].join(', ') + (row.argument === 'none' ? '' : '=...')
  const rest = row.fallback === undefined ? row.help : `${row.help} (${row.fallback})`
  return `  ${words.padEnd(WIDTH)}${words.length >= WIDTH ? ' ' : ''}${rest}`
}

/** Names of those that cannot change while mounted. */
function fixed(): string {
  return OPTION_ROWS.filter(({ live }) => typeof live === 'string').map(({ name }) => name).join(' ')
}

/** Every option that does something, then the names of those that are taken and ignored, then those refused. */
export function optionsHelp(): string {
  const names = (status: OptionRow['status']): string =>
    OPTION_ROWS.filter((row) => row.status === status).map((row) => row.name).join(' ')
  return [
    'Branch attributes:',
    ...Object.entries(ATTRIBUTE_HELP).map(([name, help]) => `  ${`+${name}`.padEnd(WIDTH)}${help}`),
    'Mount options:',
    ...OPTION_ROWS.filter((row) => row.status === 'implemented').map(line),
    `Not while mounted (remount): ${fixed()}`,
    `Taken and ignored: ${names('ignored')} x-*`,
    `Refused: ${names('refused')}`,
    "In paths write \\, \\: \\= \\\\ for these characters, \\xHH or \\OOO for any byte.",
  ].join('\n')
}
