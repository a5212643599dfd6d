/**
 * `tsaufs stop`: ask the program to end, and see that it does.
 */
import type { Command } from 'commander'
import { usage } from '../../engine/error.js'
import { finish } from '../../engine/life/finish.js'
import { stopContainer } from '../../engine/life/stop.js'
import { signalNumber } from '../../engine/spec/words.js'
import { tellEvent } from '../../engine/store/events.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'
import { startWords } from '../container/foreground.js'

interface Options {
  readonly timeout?: string
  readonly time?: string
  readonly signal?: string
}

/** Build the command. */
export function stopCommand(): Command {
  return new ContainerCommand('stop', { inNamespace: 'enters' })
    .description('end containers: their stop signal, and SIGKILL when that was not enough')
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('-t, --timeout <seconds>', 'how long to wait before SIGKILL; -1: for ever (10, or --stop-timeout of run)')
    .option('--time <seconds>', 'the same')
    .option('-s, --signal <signal>', 'the first signal')
    .action(async (refs: readonly string[], options: Options, command: Command) => {
      const given = seconds('stop', options.timeout ?? options.time)
      if (options.signal !== undefined) signalNumber(`stop --signal ${options.signal}`, options.signal)
      await eachContainer(command, refs, async (container, root) => {
        const { stopTimeout, stopSignal } = container.record.config
        await stopContainer(container, given ?? stopTimeout, 'stop', options.signal ?? stopSignal)
        // Also of one that did not run: the program of a monitor that was killed is ended here.
        await finish(root, container, startWords(root))
        tellEvent(root, container.record, 'stop')
      })
    })
}

/** A time to wait. @throws MountError when it is none */
export function seconds(command: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^-?\d{1,8}$/.test(text)) throw usage(`${command} --timeout ${text}`, 'invalid value: it must be a whole number of seconds')
  return Number(text)
}
