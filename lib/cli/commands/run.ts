/**
 * `tsaufs run`: make a container and run a program in it.
 */
import type { Command } from 'commander'
import { existsSync, writeFileSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { usage } from '../../engine/error.js'
import { createContainer } from '../../engine/life/create.js'
import { finish } from '../../engine/life/finish.js'
import type { Container, ContainerRecord } from '../../engine/store/record.js'
import type { StateRoot } from '../../engine/store/root.js'
import { fsPath } from '../../engine/text.js'
import { ContainerCommand, many, rootOf } from '../container/command.js'
import { runForeground, startDetached, startWords } from '../container/foreground.js'
import { inputIsTerminal } from '../container/standard-input.js'
import { addRunFlags, recordOf, type RunOptions } from '../container/run-flags.js'
import { exitingWith } from '../container/run-exit.js'
import { attached, checkTerminal, detachKeys } from '../container/terminal.js'
import { print } from '../output.js'

interface Options extends RunOptions {
  readonly detach?: true
  readonly sigProxy: boolean
  readonly detachKeys?: string
  readonly cidfile?: Bytes
  readonly attach?: readonly string[]
}

/** Build the command. */
export function runCommand(): Command {
  return addRunFlags(new ContainerCommand('run', { runs: true, inNamespace: 'makes' }))
    .description('make a container on directories and run a program in it')
    .usage('[OPTIONS] --rootfs DIR[:DIR...] COMMAND [ARG...]')
    .argument('[words...]')
    .option('-d, --detach', 'leave it running and print its id')
    .option('--no-sig-proxy', 'signals that we get are not for the program')
    .option('--detach-keys <keys>', 'keys that leave it running (ctrl-p,ctrl-q)')
    .option('-a, --attach <stream>', 'be connected with STDIN, STDOUT, STDERR only', many)
    .option('--cidfile <file>', 'write its id there')
    .action((words: readonly Bytes[], options: Options, command: Command) => exitingWith(async () => {
      const root = rootOf(command)
      checkTerminal('run', { tty: options.tty === true && options.detach !== true, interactive: options.interactive === true })
      const keys = detachKeys(options.detachKeys)
      const streams = options.attach ?? []
      if (options.detach === true && streams.length > 0) throw usage('run', 'Conflicting options: -a and -d')
      attached(streams)
      const container = await make(root, recordOf(options, words), options.cidfile)
      try {
        return await run(root, container, options, keys)
      } catch (error) {
        // What could not be started and was to be removed afterwards is of no use.
        if (options.rm === true) await finish(root, container, startWords(root))
        throw error
      }
    }))
}

/** Make the container, and the file with its id. */
export async function make(root: StateRoot, record: ContainerRecord, cidfile: Bytes | undefined): Promise<Container> {
  if (cidfile !== undefined && existsSync(fsPath(cidfile))) {
    throw usage(`--cidfile ${cidfile}`, 'container ID file found, make sure the other container isn\'t running or delete it', 'EEXIST')
  }
  const container = await createContainer(root, record)
  if (cidfile !== undefined) writeFileSync(fsPath(cidfile), record.id)
  return container
}

async function run(root: StateRoot, container: Container, options: Options, keys: readonly number[]): Promise<number> {
  if (options.detach === true) {
    await startDetached(root, container)
    print(container.record.id)
    return 0
  }
  const { tty, openStdin } = container.record.config
  const { stdin, shown } = attached(options.attach ?? [])
  return runForeground(root, container, { tty, stdin: openStdin && stdin, ...(shown === undefined ? {} : { shown }), sigProxy: options.sigProxy && !(tty && inputIsTerminal()), keys })
}
