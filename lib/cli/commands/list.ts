/**
 * `tsaufs list`: the live mounts.
 */
import { Command } from 'commander'
import { escapePath } from '../../config/syntax.js'
import { liveMounts } from '../../daemon/rundir.js'
import { print, printJson, readable } from '../output.js'

/** Build the command. */
export function listCommand(): Command {
  return new Command('list')
    .description('the live mounts: id, process, mount point, branches')
    .option('--json', 'for programs')
    .action((flags: { json?: true }) => {
      const mounts = liveMounts()
      if (flags.json === true) {
        printJson(mounts.map(({ id, mountpoint, pid, dev, branches }) => (
          { id, mountpoint: readable(mountpoint), pid, dev, branches: branches.map(readable) }
        )))
        return
      }
      for (const { id, mountpoint, pid, branches } of mounts) {
        print(`${id} ${pid} ${escapePath(mountpoint)} ${branches.join(':')}`)
      }
    })
}
