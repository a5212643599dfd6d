/**
 * The environment of a program, as docker makes it.
 */
import { readFileSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { codeOf, usage } from '../error.js'
import { bytesOf, fsPath } from '../text.js'

/** Source: docker, oci/defaults: DefaultPathEnv. */
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const FILE_MAX = 1 << 20

/** `NAME` alone means ours, and nothing when we have none. */
function withValue(entry: Bytes): Bytes | undefined {
  if (entry.includes('=')) return entry
  const value = process.env[Buffer.from(entry, 'latin1').toString('utf8')]
  return value === undefined ? undefined : `${entry}=${bytesOf(value)}`
}

/**
 * Variables of `--env-file` and `--env`, the latter stronger.
 * @throws MountError for a name that cannot be one, a file that cannot be read
 */
export function readEnv(files: readonly Bytes[], entries: readonly Bytes[]): Bytes[] {
  const all = files.flatMap((file) => readEnvFile(file))
  for (const entry of entries) {
    if (entry === '' || entry.startsWith('=')) throw usage(`--env ${entry}`, `invalid environment variable: ${entry}; write NAME=value`)
    all.push(entry)
  }
  return all.map(withValue).filter((entry) => entry !== undefined)
}

/** Lines NAME=value or NAME; empty ones and those beginning with # mean nothing. Source: docker-run(1), --env-file. */
function readEnvFile(file: Bytes): Bytes[] {
  let text: Bytes
  try {
    text = readFileSync(fsPath(file), 'latin1')
  } catch (error) {
    throw usage(`--env-file ${file}`, 'it cannot be read', codeOf(error))
  }
  if (text.length > FILE_MAX) throw usage(`--env-file ${file}`, 'it is larger than 1 MiB', 'EFBIG')
  const lines = text.split('\n').map((line) => line.replace(/^\s+/, '').replace(/\r$/, ''))
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const name = line.split('=')[0]!
    if (/\s/.test(name)) throw usage(`--env-file ${file}`, `poorly formatted environment: variable '${name}' contains whitespaces`)
    if (name === '') throw usage(`--env-file ${file}`, `poorly formatted environment: no variable name on line '${line}'`)
    if (line.includes('\0')) throw usage(`--env-file ${file}`, `a value cannot hold a NUL byte: ${name}`)
    return line
  })
}

/** Later entries replace earlier ones of the same name, in their places. */
export function mergeEnv(...lists: readonly (readonly Bytes[])[]): Bytes[] {
  const merged = new Map<Bytes, Bytes>()
  for (const entry of lists.flat()) merged.set(entry.split('=')[0]!, entry)
  return [...merged.values()]
}

/** What every program gets before its own variables. HOME is the launcher's: it knows the user. */
export function baseEnv(hostname: Bytes, tty: boolean): Bytes[] {
  return [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(tty ? ['TERM=xterm'] : [])]
}
