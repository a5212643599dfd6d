/**
 * `tsaufs kill`: send a signal to the program.
 */
import type { Command } from 'commander'
import { killContainer, letRest } from '../../engine/life/stop.js'
import { signalNumber } from '../../engine/spec/words.js'
import { tellEvent } from '../../engine/store/events.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'

/** Build the command. */
export function killCommand(): Command {
  return new ContainerCommand('kill')
    .description('send a signal to the programs of running containers')
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('-s, --signal <signal>', 'the signal', 'SIGKILL')
    .action(async (refs: readonly string[], options: { readonly signal: string }, command: Command) => {
      const signal = signalNumber(`kill --signal ${options.signal}`, options.signal)
      await eachContainer(command, refs, async (container, root) => {
        // Who is ended by hand is not started again, as with docker; other signals are the program's own affair.
        if (signal === 9 || signal === signalNumber('kill', container.record.config.stopSignal)) await letRest(container, 'kill')
        await killContainer(container, signal, 'kill')
        tellEvent(root, container.record, 'kill', { signal: String(signal) })
      })
    })
}
