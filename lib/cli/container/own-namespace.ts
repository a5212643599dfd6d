/**
 * Commands of an ordinary user that make, mount or take away what may belong to his subordinate ids: they begin anew as root of his
 * user namespace, once their words have been understood.
 */
import type { Command } from 'commander'
import { MountError } from '../../config/mount-error.js'
import { RUN_EXIT } from '../../engine/error.js'
import { enterOwnNamespace } from '../../engine/rootless/enter.js'
import { complain } from '../output.js'
import { rawArguments } from '../raw-args.js'
import { ContainerCommand, rootOf } from './command.js'

/** Before the command does anything. Does not come back where it begins anew. */
export function enterFor(command: Command): void {
  if (!(command instanceof ContainerCommand) || command.inNamespace === undefined) return
  try {
    enter(command, command.inNamespace)
  } catch (error) {
    throw error instanceof MountError && command.runsProgram ? MountError.parse(error.message, RUN_EXIT.ENGINE) : error
  }
}

/** The same for a command that finds out late that it is about a container. */
export function enter(command: Command, inNamespace: 'makes' | 'enters'): void {
  enterOwnNamespace(rootOf(command), { makes: inNamespace === 'makes', words: rawArguments(), note: complain })
}
