/**
 * `tsaufs system`: what crashes have left, containers nobody needs any more.
 */
import { Command } from 'commander'
import { unlessGone } from '../../engine/error.js'
import { findLeftovers } from '../../engine/life/check.js'
import { removeContainer } from '../../engine/life/remove.js'
import { sweepNetwork } from '../../engine/network/index.js'
import { allContainers } from '../../engine/store/containers.js'
import type { StateRoot } from '../../engine/store/root.js'
import { isRunning, stateOf } from '../../engine/store/status.js'
import { agrees } from '../container/ask.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { forEach } from '../container/run-exit.js'
import { EXIT } from '../exit-codes.js'
import { oneLine, writeText } from '../output.js'

/** Build the command. */
export function systemCommand(): Command {
  const system = new ContainerCommand('system').description('look after what containers leave')
  system.addCommand(new ContainerCommand('check', { inNamespace: 'enters' })
    .description('find what a crash or a reboot has left: mounts, groups, networks, state; exit code 1 if there is something')
    .action(async (_options: unknown, command: Command) => {
      const found = await findLeftovers(rootOf(command))
      for (const { what } of found) writeText(`${oneLine(what)}\n`)
      if (found.length > 0) process.exitCode = EXIT.FAILED
    }))
  system.addCommand(new ContainerCommand('prune', { inNamespace: 'enters' })
    .description('take that away, and all containers that do not run')
    .option('-f, --force', 'do not ask')
    .option('--leftovers', 'containers stay: only what a crash or a reboot has left')
    .action(async (options: { readonly force?: true, readonly leftovers?: true }, command: Command) => {
      const root = rootOf(command)
      const all = options.leftovers !== true
      if (all && options.force !== true && !await agrees('all containers that do not run')) return
      await prune(root, all)
    }))
  return system
}

async function prune(root: StateRoot, all: boolean): Promise<void> {
  await forEach(await findLeftovers(root), async ({ what, remove }) => {
    await unlessGone(remove)
    writeText(`Removed: ${oneLine(what)}\n`)
  })
  if (!all) return
  const idle = allContainers(root).filter((each) => {
    const state = stateOf(each)
    return !isRunning(state) && state.status !== 'restarting'
  })
  if (idle.length > 0) writeText('Deleted Containers:\n')
  await forEach(idle, async (each) => {
    await unlessGone(() => removeContainer(root, each, false))
    writeText(`${each.record.id}\n`)
  })
  // Perhaps nobody is on the bridge any more; the next container makes it again.
  for (const what of await sweepNetwork(() => undefined, { remove: true, all: true })) writeText(`Removed: ${oneLine(what)}\n`)
}
