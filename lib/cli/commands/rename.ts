/**
 * `tsaufs rename`: give a container another name.
 */
import type { Command } from 'commander'
import { tellEvent } from '../../engine/store/events.js'
import { findContainer, renameContainer, withContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'

/** Build the command. */
export function renameCommand(): Command {
  return new ContainerCommand('rename')
    .description('give a container another name')
    .usage('CONTAINER NEW-NAME')
    .argument('<container>')
    .argument('<name>')
    .action(async (ref: string, name: string, _options: unknown, command: Command) => {
      const root = rootOf(command)
      await withContainer(findContainer(root, ref, 'rename'), 'rename', async (current) => {
        await renameContainer(root, current, name)
        tellEvent(root, { ...current.record, name }, 'rename', { oldName: current.record.name })
      })
    })
}
