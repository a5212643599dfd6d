/**
 * `tsaufs rm`: remove containers with all they have written.
 */
import type { Command } from 'commander'
import { MountError } from '../../config/mount-error.js'
import { removeContainer } from '../../engine/life/remove.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { forEach } from '../container/run-exit.js'
import { print } from '../output.js'

/** Build the command. */
export function rmCommand(): Command {
  return new ContainerCommand('rm', { inNamespace: 'enters' })
    .description('remove containers with all they have written')
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('-f, --force', 'kill those that run; one that is not there is no failure')
    .option('-v, --volumes', 'and its volumes that nobody has named')
    .action(async (refs: readonly string[], options: { readonly force?: true, readonly volumes?: true }, command: Command) => {
      const root = rootOf(command)
      const force = options.force === true
      await forEach(refs, async (ref) => {
        try {
          await removeContainer(root, findContainer(root, ref, 'rm'), force, options.volumes === true)
        } catch (error) {
          if (!(force && error instanceof MountError && error.code === 'ENOENT')) throw error
          return
        }
        print(ref)
      })
    })
}
