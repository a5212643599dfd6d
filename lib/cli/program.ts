/**
 * `tsaufs COMMAND`: the list of commands, and what their failures become.
 */
import { Command, CommanderError } from 'commander'
import { rawArguments } from './raw-args.js'
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

/** Every command; a new one is a file in commands/ and a line here. */
const COMMANDS: readonly (() => Command)[] = [
  convertCommand,
  mountCommand, remountCommand, umountCommand, listCommand, branchesCommand, busyCommand, statsCommand, explainCommand,
  ledgerCommand, diffCommand, settleCommand, eventsCommand, moveDownCommand, fhsmCommand, checkCommand,
]

/** The program, not yet run. */
export function program(): Command {
  const root = new Command('tsaufs')
    .description('a union file system in user space')
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
  for (const command of COMMANDS) root.addCommand(command())
  for (const command of [root, ...root.commands]) {
    command.exitOverride()
    command.configureOutput({ outputError: (text) => complain(usageLine(command.name(), text)) })
  }
  return root
}

/** Commander's words, `error: what\n(Did you mean x?)`, as one line of ours. */
function usageLine(name: string, text: string): string {
  const what = text.replace(/^error: /, '').trimEnd().replace(/\n\s*/g, ' ')
  if (name === 'tsaufs') return `EINVAL: ${what}; see 'tsaufs --help'`
  return `${name}: EINVAL: ${what}; see 'tsaufs help ${name}'`
}

/** Run the command line of this process and set its exit code. */
export async function main(): Promise<void> {
  try {
    await program().parseAsync(rawArguments(), { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.OK : EXIT.USAGE
    else process.exitCode = reportFailure(error)
  }
}
