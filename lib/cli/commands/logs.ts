/**
 * `tsaufs logs`: what a container's program has written.
 */
import type { Command } from 'commander'
import { usage } from '../../engine/error.js'
import { readLogs, type LogEntry } from '../../engine/life/logs.js'
import { findContainer } from '../../engine/store/containers.js'
import { parseMoment } from '../../engine/store/times.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { writeBytes } from '../output.js'

interface Options {
  readonly follow?: true
  readonly since?: string
  readonly until?: string
  readonly tail: string
  readonly timestamps?: true
}

/** Build the command. */
export function logsCommand(): Command {
  return new ContainerCommand('logs')
    .description("what a container's program has written")
    .usage('[OPTIONS] CONTAINER')
    .argument('<container>')
    .option('-f, --follow', 'and what it writes, until it ends')
    .option('--since <time>', 'from then on: 2026-11-27T23:00:00Z, or 10m for ten minutes ago')
    .option('--until <time>', 'up to then')
    .option('-n, --tail <lines>', 'the last lines only', 'all')
    .option('-t, --timestamps', 'with the time of each line')
    .action(async (ref: string, options: Options, command: Command) => {
      const container = findContainer(rootOf(command), ref, 'logs')
      if (options.tail !== 'all' && !/^-?\d{1,9}$/.test(options.tail)) throw usage(`logs --tail ${options.tail}`, "invalid value: it must be a number or 'all'")
      const tail = options.tail === 'all' || options.tail.startsWith('-') ? undefined : Number(options.tail)
      await readLogs(container, {
        since: moment('since', options.since), until: moment('until', options.until), tail, follow: options.follow === true,
      }, (entry) => write(entry, options.timestamps === true))
    })
}

function moment(flag: string, text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : parseMoment(text)
  if (text !== undefined && time === undefined) throw usage(`logs --${flag} ${text}`, 'invalid value: give RFC 3339, seconds since 1970, or how long ago as 1h30m')
  return time
}

function write({ log, stream, time }: LogEntry, withTime: boolean): boolean {
  return writeBytes(stream === 'stderr' ? 2 : 1, Buffer.from(withTime ? `${time} ${log}` : log, 'latin1'))
}
