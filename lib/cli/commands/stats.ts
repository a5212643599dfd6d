/**
 * `tsaufs stats`: of a mount how many requests it has had, by operation; of containers what they use. Reads and writes that the
 * addon answers by itself do not come so far.
 */
import type { Command } from 'commander'
import { ask } from '../../daemon/client.js'
import { usage } from '../../engine/error.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { containerMeant } from '../container/container-or-mount.js'
import { showStats, type StatsOptions } from '../container/container-stats.js'
import { mountNamed } from '../mount-named.js'
import { print, printJson } from '../output.js'

/** Build the command. */
export function statsCommand(): Command {
  return new ContainerCommand('stats')
    .helpGroup('Commands:')
    .description('what containers use, those that run unless named; or the requests of a mount since it began, by operation')
    .usage('[OPTIONS] [CONTAINER...] | [--json] MOUNTPOINT')
    .argument('[container|mountpoint...]')
    .option('-a, --all', 'containers that do not run as well')
    .option('--no-stream', 'once; else every second')
    .option('--no-trunc', 'ids at full length')
    .option('--format <format>', "a template as '{{.Name}} {{.CPUPerc}}', 'table TEMPLATE', 'json'")
    .option('--json', 'for programs: numbers; of a mount operations without a request too')
    .action(async (words: readonly string[], options: StatsOptions, command: Command) => {
      const [first] = words
      if (first !== undefined && containerMeant(command, first) === undefined) return ofMount(words, options)
      const named = words.map((word) => {
        const container = containerMeant(command, word)
        if (container === undefined) throw usage(`stats ${word}`, 'a mount is asked about alone')
        return container
      })
      return showStats(rootOf(command), named, options)
    })
}

async function ofMount([mountpoint, ...more]: readonly string[], { json }: StatsOptions): Promise<void> {
  if (more.length > 0) throw usage(`stats ${mountpoint}`, 'a mount is asked about alone')
  const counts = await ask(mountNamed('stats', mountpoint!), 'stats') as Record<string, number>
  if (json === true) return printJson(counts)
  const seen = Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
  for (const [name, count] of seen) print(`${String(count).padStart(10)} ${name}`)
}
