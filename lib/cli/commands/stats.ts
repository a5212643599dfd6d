/**
 * `tsaufs stats`: how many requests a mount has had, by operation. Reads and writes that the addon answers by itself do not
 * come so far.
 */
import { Command } from 'commander'
import { ask } from '../../daemon/client.js'
import { mountNamed } from '../mount-named.js'
import { print, printJson } from '../output.js'

/** Build the command. */
export function statsCommand(): Command {
  return new Command('stats')
    .description('requests a mount has had since it began, by operation; reads and writes only where they were special')
    .argument('<mountpoint>')
    .option('--json', 'for programs; operations without a request too')
    .action(async (mountpoint: string, flags: { json?: true }) => {
      const counts = await ask(mountNamed('stats', mountpoint), 'stats') as Record<string, number>
      if (flags.json === true) return printJson(counts)
      const seen = Object.entries(counts).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
      for (const [name, count] of seen) print(`${String(count).padStart(10)} ${name}`)
    })
}
