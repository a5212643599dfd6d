/**
 * `tsaufs events`: what happens to containers, or to a mount; a line each, until interrupted or unmounted.
 */
import { Command } from 'commander'
import { follow } from '../../daemon/client.js'
import { EXIT } from '../exit-codes.js'
import { many, rootOf } from '../container/command.js'
import { followContainers, type ContainerEventFlags } from '../container/events.js'
import { mountNamed } from '../mount-named.js'
import { oneLine, print, readableAll } from '../output.js'

/** An event as the daemon tells it: fields by its kind. */
interface Told {
  readonly timeMs?: number
  readonly event: string
  readonly path?: string
  readonly branch?: string
  readonly open?: boolean
  readonly [field: string]: unknown
}

interface Flags extends ContainerEventFlags {
  readonly json?: true
}

/** Build the command. */
export function eventsCommand(): Command {
  return new Command('events')
    .description('follow what happens: to containers; or to a mount, where it is copy-ups, branches that come, go or change, and direct changes of '
      + 'branches that took a name away or gave it to something else; a line each')
    .argument('[mountpoint]')
    .option('--json', 'for programs: an object a line')
    .option('--since <time>', 'containers: from then on, 2026-11-27T23:00:00Z or 10m for ten minutes ago')
    .option('--until <time>', 'containers: end then')
    .option('-f, --filter <filter>', 'containers: container=, event=, image=', many)
    .option('--format <format>', "containers: a template as '{{.Action}} {{.Actor.Attributes.name}}', or 'json'")
    .action(async (mountpoint: string | undefined, flags: Flags, command: Command) => {
      if (mountpoint === undefined) return followContainers(rootOf(command), { ...flags, ...(flags.json === true ? { format: 'json' } : {}) })
      await follow(mountNamed('events', mountpoint), 'events', (event) => {
        const told = event as Told
        const line = flags.json === true
          ? Buffer.from(JSON.stringify(readableAll(told)), 'utf8').toString('latin1')
          : oneLine(lineOf(told))
        // Who read it has gone.
        if (!print(line)) process.exit(EXIT.OK)
      })
    })
}

function lineOf({ timeMs = Date.now(), event, path = '', branch = '', open, ...more }: Told): string {
  const words = [new Date(timeMs).toISOString(), event]
  if (path !== '') words.push(path)
  if (event === 'copy-up') words.push(`${String(more['from'])} -> ${String(more['to'])} ${String(more['bytes'])} bytes, ${String(more['reason'])}`)
  if (event === 'missed') words.push(`${String(more['count'])} events`)
  if (more['as'] !== undefined) words.push(String(more['as']), `at ${String(more['place'])}${more['was'] === undefined ? '' : `, was ${String(more['was'])}`}`)
  else if (branch !== '') words.push(`on ${branch}`)
  if (open === true) words.push('(open: who uses it goes on with the old one)')
  return words.join(' ')
}
