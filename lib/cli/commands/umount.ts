/**
 * `tsaufs umount`: end mounts, and wait until their daemons are gone.
 */
import { Command } from 'commander'
import { workingDirectory } from '../raw-args.js'
import { complain, reportFailure } from '../output.js'
import { EXIT } from '../exit-codes.js'

/** Build the command. */
export function umountCommand(): Command {
  return new Command('umount')
    .description('unmount unions; returns when their daemons are gone')
    .argument('<mountpoint...>')
    .option('-l, --lazy', 'detach now, end when the last user is gone')
    .action(async (mountpoints: readonly string[], flags: { lazy?: true }) => {
      const { unmountUnion } = await import('../../daemon/unmount-union.js')
      for (const mountpoint of mountpoints) {
        try {
          await unmountUnion(mountpoint, workingDirectory(), flags.lazy === true, complain)
        } catch (error) {
          reportFailure(error)
          process.exitCode = EXIT.FAILED
        }
      }
    })
}
