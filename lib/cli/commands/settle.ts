/**
 * `tsaufs settle`: come back when the mount shows what was changed directly on its branches before (udba=notify).
 */
import { Command } from 'commander'
import { ask } from '../../daemon/client.js'
import { mountNamed } from '../mount-named.js'
import { print, printJson } from '../output.js'

/** How long a mount may take to look at all it knows, after lost events. */
const TIMEOUT_MS = 10 * 60_000

/** Build the command. */
export function settleCommand(): Command {
  return new Command('settle')
    .description('wait until a mount shows what was changed directly on its branches before (udba=notify; else it is so at once)')
    .argument('<mountpoint>')
    .option('-v, --verbose', 'say how the branches are watched')
    .option('--json', 'for programs')
    .action(async (mountpoint: string, flags: { json?: true, verbose?: true }) => {
      const answer = await ask(mountNamed('settle', mountpoint), 'settle', {}, TIMEOUT_MS)
      const watched = answer as { by: string, watched: number, overflows: number } | null
      if (flags.json === true) printJson(watched)
      else if (flags.verbose === true) {
        print(watched === null ? 'not watched' : `${watched.watched} directories watched by ${watched.by}, events lost ${watched.overflows} times`)
      }
    })
}
