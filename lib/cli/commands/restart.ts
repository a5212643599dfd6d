/**
 * `tsaufs restart`: stop containers and start them again.
 */
import type { Command } from 'commander'
import { stopContainer } from '../../engine/life/stop.js'
import { tellEvent } from '../../engine/store/events.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'
import { startDetached } from '../container/foreground.js'
import { seconds } from './stop.js'

/** Build the command. */
export function restartCommand(): Command {
  return new ContainerCommand('restart', { inNamespace: 'enters' })
    .description('stop containers and start them again')
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('-t, --timeout <seconds>', 'how long to wait before SIGKILL; -1: for ever (10, or --stop-timeout of run)')
    .option('-s, --signal <signal>', 'the first signal')
    .action(async (refs: readonly string[], options: { readonly timeout?: string, readonly signal?: string }, command: Command) => {
      const given = seconds('restart', options.timeout)
      await eachContainer(command, refs, async (container, root) => {
        const { stopTimeout, stopSignal } = container.record.config
        await stopContainer(container, given ?? stopTimeout, 'restart', options.signal ?? stopSignal)
        await startDetached(root, container)
        tellEvent(root, container.record, 'restart')
      })
    })
}
