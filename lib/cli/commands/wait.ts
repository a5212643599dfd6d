/**
 * `tsaufs wait`: block until containers have ended, and tell their exit codes.
 */
import type { Command } from 'commander'
import { waitForEnd } from '../../engine/life/wait.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { forEach } from '../container/run-exit.js'
import { print } from '../output.js'

/** Build the command. */
export function waitCommand(): Command {
  return new ContainerCommand('wait')
    .description('wait until containers have ended and print their exit codes')
    .usage('CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .action(async (refs: readonly string[], _options: unknown, command: Command) => {
      const root = rootOf(command)
      await forEach(refs, async (ref) => {
        print(String(await waitForEnd(findContainer(root, ref, 'wait'))))
      })
    })
}
