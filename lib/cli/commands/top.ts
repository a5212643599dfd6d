/**
 * `tsaufs top`: the processes of a container.
 */
import type { Command } from 'commander'
import { top } from '../../engine/life/top.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { oneLine, print } from '../output.js'

/** Build the command. */
export function topCommand(): Command {
  return new ContainerCommand('top', { program: true, inNamespace: 'enters' })
    .description('the processes of a container, as ps(1) of the host tells them')
    .usage('CONTAINER [PS-OPTIONS]')
    .argument('<container>')
    .argument('[words...]')
    .action((ref: string, words: readonly string[], _options: unknown, command: Command) => {
      for (const line of top(findContainer(rootOf(command), ref, 'top'), words)) print(oneLine(line))
    })
}
