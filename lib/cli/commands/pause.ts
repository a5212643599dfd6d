/**
 * `tsaufs pause`: stop containers in the middle of what they do.
 */
import type { Command } from 'commander'
import { pauseContainer } from '../../engine/life/pause.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'

/** Build the command. */
export function pauseCommand(): Command {
  return new ContainerCommand('pause')
    .description("freeze all processes of containers; 'unpause' lets them go on")
    .usage('CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .action((refs: readonly string[], _options: unknown, command: Command) => (
      eachContainer(command, refs, (container, root) => pauseContainer(root, container))))
}
