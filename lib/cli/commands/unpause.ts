/**
 * `tsaufs unpause`: let paused containers go on.
 */
import type { Command } from 'commander'
import { unpauseContainer } from '../../engine/life/pause.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { forEach } from '../container/run-exit.js'
import { print } from '../output.js'

/** Build the command. */
export function unpauseCommand(): Command {
  return new ContainerCommand('unpause')
    .description('let paused containers go on')
    .usage('CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .action(async (refs: readonly string[], _options: unknown, command: Command) => {
      const root = rootOf(command)
      await forEach(refs, async (ref) => {
        await unpauseContainer(root, findContainer(root, ref, 'unpause'))
        print(ref)
      })
    })
}
