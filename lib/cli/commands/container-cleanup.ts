/**
 * `tsaufs container-cleanup ID`: what a monitor runs when its container has ended and nobody has said that he takes care of it.
 */
import type { Command } from 'commander'
import { unlessGone } from '../../engine/error.js'
import { finish } from '../../engine/life/finish.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { startWords } from '../container/foreground.js'

/** Build the command. */
export function containerCleanupCommand(): Command {
  return new ContainerCommand('container-cleanup')
    .description('for monitors: take away what a container that has ended has left, or start it again')
    .argument('<id>')
    .action(async (id: string, _options: unknown, command: Command) => {
      const root = rootOf(command)
      await unlessGone(() => finish(root, findContainer(root, id, 'container-cleanup'), startWords(root)))
    })
}
