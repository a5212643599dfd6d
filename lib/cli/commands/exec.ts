/**
 * `tsaufs exec`: another program in a running container.
 */
import type { Command } from 'commander'
import type { Bytes } from '../../os/native.js'
import { failure, RUN_EXIT, usage } from '../../engine/error.js'
import { dropExec, execContainer } from '../../engine/life/exec.js'
import { readEnv } from '../../engine/spec/env.js'
import { tellEvent } from '../../engine/store/events.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, many, rootOf } from '../container/command.js'
import { exitingWith } from '../container/run-exit.js'
import { checkTerminal, converse, detachKeys, terminalSize } from '../container/terminal.js'

interface Options {
  readonly detach?: true
  readonly detachKeys?: string
  readonly env?: readonly Bytes[]
  readonly envFile?: readonly Bytes[]
  readonly interactive?: true
  readonly privileged?: true
  readonly tty?: true
  readonly user?: Bytes
  readonly workdir?: Bytes
}

/** Build the command. */
export function execCommand(): Command {
  return new ContainerCommand('exec', { runs: true, inNamespace: 'enters' })
    .description('run another program in a running container')
    .usage('[OPTIONS] CONTAINER COMMAND [ARG...]')
    .argument('<container>')
    .argument('<words...>')
    .option('-d, --detach', 'do not wait for it')
    .option('--detach-keys <keys>', 'keys that leave it running (ctrl-p,ctrl-q)')
    .option('-e, --env <variable>', 'NAME=value, or NAME for ours', many)
    .option('--env-file <file>', 'lines NAME=value', many)
    .option('-i, --interactive', 'give it what we read')
    .option('--privileged', 'with all capabilities')
    .option('-t, --tty', 'give it a terminal')
    .option('-u, --user <user>', 'NAME|UID[:GROUP|GID]')
    .option('-w, --workdir <dir>', 'working directory')
    .action((ref: string, words: readonly Bytes[], options: Options, command: Command) => exitingWith(async () => {
      const root = rootOf(command)
      const container = findContainer(root, ref, 'exec')
      const attach = options.detach !== true
      const [tty, stdin] = [options.tty === true, options.interactive === true && attach]
      if (options.workdir !== undefined && !options.workdir.startsWith('/')) throw usage(`exec --workdir ${options.workdir}`, 'it must be an absolute path')
      checkTerminal('exec', { tty, interactive: stdin })
      const keys = detachKeys(options.detachKeys)
      const started = await execContainer(container, {
        words, env: readEnv(options.envFile ?? [], options.env ?? []), user: options.user ?? '', workdir: options.workdir ?? '',
        tty, stdin, privileged: options.privileged === true, attach, ...(tty ? terminalSize() : {}),
      })
      tellEvent(root, container.record, 'exec_start', { command: words.join(' ') })
      if (!attach) return 0
      const { exit, detached } = await converse(started.client!, { tty, stdin, sigProxy: false, keys })
      if (detached) return 0
      dropExec(started)
      if (exit === undefined) throw failure(`exec ${ref}`, 'ECONNRESET', 'its monitor has gone; nobody knows how the program ended', RUN_EXIT.ENGINE)
      return exit.code
    }))
}
