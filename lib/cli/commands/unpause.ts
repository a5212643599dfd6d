/**
 * `tsaufs unpause`: let paused containers go on.
 */
import type { Command } from 'commander'
import { unpauseContainer } from '../../engine/life/pause.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'

/** Build the command. */
export function unpauseCommand(): Command {
  return new ContainerCommand('unpause')
    .description('let paused containers go on')
    .usage('CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .action((refs: readonly string[], _options: unknown, command: Command) => (
      eachContainer(command, refs, (container, root) => unpauseContainer(root, container))))
}
