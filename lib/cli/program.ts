/**
 * `tsaufs COMMAND`: the list of commands, and what their failures become.
 */
import { Command, CommanderError } from 'commander'
import type { Bytes } from '../os/native.js'
import { RUN_EXIT } from '../engine/error.js'
import { ContainerCommand } from './container/command.js'
import { enterFor } from './container/own-namespace.js'
import { complain, reportFailure } from './output.js'
import { EXIT } from './exit-codes.js'
import { eventsCommand } from './commands/events.js'
import { mountCommand } from './commands/mount.js'
import { umountCommand } from './commands/umount.js'
import { listCommand } from './commands/list.js'
import { branchesCommand } from './commands/branches.js'
import { settleCommand } from './commands/settle.js'
import { fhsmCommand } from './commands/fhsm.js'
import { moveDownCommand } from './commands/move-down.js'
import { busyCommand } from './commands/busy.js'
import { remountCommand } from './commands/remount.js'
import { statsCommand } from './commands/stats.js'
import { diffCommand } from './commands/diff.js'
import { explainCommand } from './commands/explain.js'
import { convertCommand } from './commands/convert.js'
import { ledgerCommand } from './commands/ledger.js'
import { checkCommand } from './commands/check.js'
import { runCommand } from './commands/run.js'
import { createCommand } from './commands/create.js'
import { startCommand } from './commands/start.js'
import { attachCommand } from './commands/attach.js'
import { execCommand } from './commands/exec.js'
import { psCommand } from './commands/ps.js'
import { logsCommand } from './commands/logs.js'
import { stopCommand } from './commands/stop.js'
import { killCommand } from './commands/kill.js'
import { waitCommand } from './commands/wait.js'
import { restartCommand } from './commands/restart.js'
import { unshareCommand } from './commands/unshare.js'
import { rmCommand } from './commands/rm.js'
import { inspectCommand } from './commands/inspect.js'
import { pauseCommand } from './commands/pause.js'
import { unpauseCommand } from './commands/unpause.js'
import { updateCommand } from './commands/update.js'
import { topCommand } from './commands/top.js'
import { cpCommand } from './commands/cp.js'
import { renameCommand } from './commands/rename.js'
import { portCommand } from './commands/port.js'
import { exportCommand } from './commands/export.js'
import { containerCommand } from './commands/container.js'
import { volumeCommand } from './commands/volume.js'
import { systemCommand } from './commands/system.js'
import { containerCleanupCommand } from './commands/container-cleanup.js'

/** Every command; a new one is a file in commands/ and a line here. */
const COMMANDS: readonly (() => Command)[] = [
  convertCommand,
  mountCommand, remountCommand, umountCommand, listCommand, branchesCommand, busyCommand, statsCommand, explainCommand,
  ledgerCommand, diffCommand, settleCommand, eventsCommand, moveDownCommand, fhsmCommand, checkCommand, unshareCommand,
  runCommand, createCommand, startCommand, attachCommand, execCommand, psCommand, logsCommand, stopCommand, killCommand, waitCommand,
  restartCommand, pauseCommand, unpauseCommand, updateCommand, rmCommand, inspectCommand, topCommand, cpCommand, exportCommand, renameCommand, portCommand, volumeCommand, containerCommand, systemCommand,
]

/** Commands that programs run, not people. */
const HIDDEN: readonly (() => Command)[] = [containerCleanupCommand]

/** The program, not yet run. */
export function program(): Command {
  const root = new Command('tsaufs')
    .description('a union file system in user space, and containers on it')
    .option('--root <dir>', 'where containers are kept (TSAUFS_ROOT, /var/lib/tsaufs, ~/.local/share/tsaufs)')
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .hook('preAction', (_root, command) => enterFor(command))
  for (const command of COMMANDS) root.addCommand(command())
  for (const command of HIDDEN) root.addCommand(command(), { hidden: true })
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride((error) => { throw Object.assign(error, { usageExit: usageExit(command) }) })
    command.configureOutput({ outputError: (text) => complain(usageLine(command.name(), text)) })
  }
  return root
}

/** A wrong command line of a command whose exit code is its program's must be told from that. */
function usageExit(command: Command): number {
  return command instanceof ContainerCommand && command.runsProgram ? RUN_EXIT.ENGINE : EXIT.USAGE
}

/** Commander's words, `error: what\n(Did you mean x?)`, as one line of ours. */
function usageLine(name: string, text: string): string {
  const what = text.replace(/^error: /, '').trimEnd().replace(/\n\s*/g, ' ')
  if (name === 'tsaufs') return `EINVAL: ${what}; see 'tsaufs --help'`
  return `${name}: EINVAL: ${what}; see 'tsaufs help ${name}'`
}

/** Run a command line, bytes as latin1, and set the exit code of this process. @param commands program(), not used before */
export async function main(words: readonly Bytes[], commands = program()): Promise<void> {
  try {
    await commands.parseAsync([...words], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.OK : (error as { usageExit?: number }).usageExit ?? EXIT.USAGE
    else process.exitCode = reportFailure(error)
  }
}
