/**
 * `tsaufs start`: run the programs of containers that do not run.
 */
import type { Command } from 'commander'
import { usage } from '../../engine/error.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { eachContainer } from '../container/each.js'
import { runForeground, startDetached } from '../container/foreground.js'
import { exitingWith } from '../container/run-exit.js'
import { checkTerminal, detachKeys } from '../container/terminal.js'

interface Options {
  readonly attach?: true
  readonly interactive?: true
  readonly sigProxy: boolean
  readonly detachKeys?: string
}

/** Build the command. */
export function startCommand(): Command {
  return new ContainerCommand('start', { inNamespace: 'enters' })
    .description('start containers that have ended, or that were made only')
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('-a, --attach', 'be there: output here, signals there, its exit code')
    .option('-i, --interactive', 'and give it what we read')
    .option('--no-sig-proxy', 'signals that we get are not for the program')
    .option('--detach-keys <keys>', 'keys that leave it running (ctrl-p,ctrl-q)')
    .action(async (refs: readonly string[], options: Options, command: Command) => {
      const root = rootOf(command)
      if (options.attach !== true && options.interactive !== true) {
        return eachContainer(command, refs, (container) => startDetached(root, container))
      }
      if (refs.length > 1) throw usage('start', 'You cannot start and attach multiple containers at once')
      await exitingWith(async () => {
        const container = findContainer(root, refs[0]!, 'start')
        const { tty, openStdin } = container.record.config
        const stdin = options.interactive === true && openStdin
        checkTerminal('start', { tty, interactive: stdin })
        const keys = detachKeys(options.detachKeys)
        return runForeground(root, container, { tty, stdin, sigProxy: options.sigProxy && !tty, keys })
      })
    })
}
