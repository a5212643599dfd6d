/**
 * `tsaufs wait`: block until containers have ended, and tell their exit codes.
 */
import type { Command } from 'commander'
import { waitForEnd } from '../../engine/life/wait.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'

/** Build the command. */
export function waitCommand(): Command {
  return new ContainerCommand('wait')
    .description('wait until containers have ended and print their exit codes')
    .usage('CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .action((refs: readonly string[], _options: unknown, command: Command) => (
      eachContainer(command, refs, async (container) => String(await waitForEnd(container)))))
}
