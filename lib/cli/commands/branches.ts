/**
 * `tsaufs branches`: the stack of one mount, top first.
 */
import { Command } from 'commander'
import { mountNamed } from '../mount-named.js'
import { print, printJson, readable } from '../output.js'

/** Build the command. */
export function branchesCommand(): Command {
  return new Command('branches')
    .description('the branches of a mount, top first, one line each: PATH=perm+attrs')
    .argument('<mountpoint>')
    .option('--json', 'for programs')
    .action((mountpoint: string, flags: { json?: true }) => {
      const mount = mountNamed('branches', mountpoint)
      if (flags.json === true) printJson(mount.branches.map(readable))
      else for (const branch of mount.branches) print(branch)
    })
}
