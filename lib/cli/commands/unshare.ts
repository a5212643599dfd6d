/**
 * `tsaufs unshare`: a command where an ordinary user's containers are, with their ids; podman's word.
 */
import type { Command } from 'commander'
import { isMachineRoot } from '../../daemon/process-id.js'
import { errnoName } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { failure, RUN_EXIT, usage } from '../../engine/error.js'
import { bytesOf } from '../../engine/text.js'
import { ContainerCommand } from '../container/command.js'
import { exitingWith } from '../container/run-exit.js'

/** Build the command. */
export function unshareCommand(): Command {
  return new ContainerCommand('unshare', { runs: true, inNamespace: 'makes' })
    .description('not root: run a command as root of the user namespace that your containers are in; a shell if there is none')
    .usage('[COMMAND [ARG...]]')
    .argument('[words...]')
    .action((words: readonly Bytes[]) => exitingWith(() => {
      if (isMachineRoot()) throw usage('unshare', 'root needs no other namespace: containers have the ids of the machine')
      const command = words.length > 0 ? words : [bytesOf(process.env['SHELL'] ?? '/bin/sh')]
      // The shell looks it up, and says 126 and 127 as we do.
      const rc = sys.exec(['/bin/sh', '-c', 'exec "$@"', 'tsaufs', ...command])
      throw failure(`unshare ${command[0]}`, errnoName(-rc), '/bin/sh cannot be run', RUN_EXIT.ENGINE)
    }))
}
