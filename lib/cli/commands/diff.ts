/**
 * `tsaufs diff`: what the writable branches change, as `docker diff` tells it.
 */
import { Command } from 'commander'
import { usage } from '../../config/mount-error.js'
import { diffMount, diffOptions } from '../../daemon/diff.js'
import { mountNamed } from '../mount-named.js'
import { oneLine, print, printJson, readableAll } from '../output.js'
import { workingDirectory } from '../raw-args.js'

/** Build the command. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('what the writable branches change: A added, C changed, D deleted; by path')
    .argument('[mountpoint]')
    .option('-o, --options <options>', 'instead of a mount: the options it would have (dirs=...)')
    .option('--json', 'for programs')
    .action((mountpoint: string | undefined, flags: { options?: string, json?: true }) => {
      if ((mountpoint === undefined) === (flags.options === undefined)) {
        throw usage('diff', 'give a mount point, or -o with the branches')
      }
      const changes = mountpoint === undefined
        ? diffOptions(flags.options!, workingDirectory())
        : diffMount(mountNamed('diff', mountpoint))
      if (flags.json === true) return printJson(readableAll(changes))
      for (const { change, path } of changes) print(oneLine(`${change} ${path}`))
    })
}
