/**
 * `tsaufs branches`: the stack of one mount, top first.
 */
import { Command } from 'commander'
import { liveMounts } from '../../daemon/rundir.js'
import { mountAt, mountPlace } from '../../daemon/mountinfo.js'
import { MountError } from '../../config/mount-error.js'
import { EXIT } from '../exit-codes.js'
import { workingDirectory } from '../raw-args.js'
import { print, printJson, readable } from '../output.js'

/** Build the command. */
export function branchesCommand(): Command {
  return new Command('branches')
    .description('the branches of a mount, top first, one line each: PATH=perm+attrs')
    .argument('<mountpoint>')
    .option('--json', 'for programs')
    .action((mountpoint: string, flags: { json?: true }) => {
      const dev = mountAt(mountPlace(mountpoint, workingDirectory()))?.dev
      const mount = liveMounts().find((record) => record.dev === dev)
      if (mount === undefined) {
        throw new MountError(
          `branches ${mountpoint}`, 'EINVAL', "no union is mounted there; 'tsaufs list' shows them", EXIT.FAILED,
        )
      }
      if (flags.json === true) printJson(mount.branches.map(readable))
      else for (const branch of mount.branches) print(branch)
    })
}
