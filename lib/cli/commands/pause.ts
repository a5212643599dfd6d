/**
 * `tsaufs pause`: stop containers in the middle of what they do.
 */
import type { Command } from 'commander'
import { pauseContainer } from '../../engine/life/pause.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { forEach } from '../container/run-exit.js'
import { print } from '../output.js'

/** Build the command. */
export function pauseCommand(): Command {
  return new ContainerCommand('pause')
    .description("freeze all processes of containers; 'unpause' lets them go on")
    .usage('CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .action(async (refs: readonly string[], _options: unknown, command: Command) => {
      const root = rootOf(command)
      await forEach(refs, async (ref) => {
        await pauseContainer(root, findContainer(root, ref, 'pause'))
        print(ref)
      })
    })
}
