/**
 * `tsaufs attach`: the output of a running container here, what we read there.
 */
import type { Command } from 'commander'
import { attachTo } from '../../engine/attach/client.js'
import { failure } from '../../engine/error.js'
import { findContainer } from '../../engine/store/containers.js'
import { stateOf } from '../../engine/store/status.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { exitCode } from '../container/foreground.js'
import { checkTerminal, converse, detachKeys } from '../container/terminal.js'

interface Options {
  readonly stdin: boolean
  readonly sigProxy: boolean
  readonly detachKeys?: string
}

/** Build the command. */
export function attachCommand(): Command {
  return new ContainerCommand('attach')
    .description('be connected to a running container: its output here, what we read there')
    .usage('[OPTIONS] CONTAINER')
    .argument('<container>')
    .option('--no-stdin', 'give it nothing')
    .option('--no-sig-proxy', 'signals that we get are not for the program')
    .option('--detach-keys <keys>', 'keys that leave it running (ctrl-p,ctrl-q)')
    .action(async (ref: string, options: Options, command: Command) => {
      const container = findContainer(rootOf(command), ref, 'attach')
      const { status } = stateOf(container)
      if (status === 'paused') throw failure(`attach ${ref}`, 'EBUSY', 'You cannot attach to a paused container, unpause it first')
      const client = status === 'running' ? await attachTo(container.dir) : undefined
      if (client === undefined) throw failure(`attach ${ref}`, 'ESRCH', 'You cannot attach to a stopped container, start it first')
      const { tty, openStdin } = container.record.config
      const stdin = options.stdin && openStdin
      checkTerminal('attach', { tty, interactive: stdin })
      const { exit, detached } = await converse(client, { tty, stdin, sigProxy: options.sigProxy && !tty, keys: detachKeys(options.detachKeys) })
      process.exitCode = detached ? 0 : exitCode(container, exit)
    })
}
