/**
 * `tsaufs inspect`: all that is known of containers, in docker's shape.
 */
import type { Command } from 'commander'
import { findContainer } from '../../engine/store/containers.js'
import { inspect } from '../../engine/store/describe.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { printInspected } from '../container/inspected.js'

/** Build the command. */
export function inspectCommand(): Command {
  return new ContainerCommand('inspect')
    .description("all that is known of containers, in docker's shape")
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('-f, --format <format>', "a template as '{{.State.Status}}', or 'json'")
    .option('--type <type>', 'container; there is nothing else')
    .action(async (refs: readonly string[], { format }: { readonly format?: string }, command: Command) => {
      const root = rootOf(command)
      await printInspected(refs, format, (ref) => inspect(findContainer(root, ref, 'inspect')))
    })
}
