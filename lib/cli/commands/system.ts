/**
 * `tsaufs system`: what crashes have left, containers nobody needs any more.
 */
import { Command } from 'commander'
import { unlessGone } from '../../engine/error.js'
import { findLeftovers } from '../../engine/life/check.js'
import { restingContainers, resume, runningContainers, suspend } from '../../engine/life/boot.js'
import { sweepNetwork } from '../../engine/network/index.js'
import type { StateRoot } from '../../engine/store/root.js'
import { isAnonymous } from '../../engine/store/volumes.js'
import { formatQuantity } from '../../util/quantity.js'
import { agrees } from '../container/ask.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { forEach } from '../container/run-exit.js'
import { EXIT } from '../exit-codes.js'
import { startWords } from '../container/foreground.js'
import { showDiskUsage } from '../container/disk-usage.js'
import { oneLineOfText, print, writeText } from '../output.js'
import { pruneContainers } from './container.js'
import { pruneVolumes } from './volume.js'

/** Build the command. */
export function systemCommand(): Command {
  const system = new ContainerCommand('system').description('look after what containers leave')
  system.addCommand(new ContainerCommand('check', { inNamespace: 'enters' })
    .description('find what a crash or a reboot has left: mounts, groups, networks, state; exit code 1 if there is something')
    .action(async (_options: unknown, command: Command) => {
      const found = await findLeftovers(rootOf(command))
      for (const { what } of found) writeText(`${oneLineOfText(what)}\n`)
      if (found.length > 0) process.exitCode = EXIT.FAILED
    }))
  system.addCommand(new ContainerCommand('prune', { inNamespace: 'enters' })
    .description('take that away, and all containers that do not run')
    .option('-f, --force', 'do not ask')
    .option('--volumes', 'volumes as well that nobody has named and no container has')
    .option('--leftovers', 'containers stay: only what a crash or a reboot has left')
    .action(async (options: { readonly force?: true, readonly leftovers?: true, readonly volumes?: true }, command: Command) => {
      const root = rootOf(command)
      const all = options.leftovers !== true
      if (all && options.force !== true && !await agrees(`all containers that do not run${options.volumes === true ? ', and anonymous volumes not used by one' : ''}`)) return
      await prune(root, all, options.volumes === true)
    }))
  system.addCommand(new ContainerCommand('df', { inNamespace: 'enters' })
    .description('how much disk containers and volumes take')
    .usage('[OPTIONS]')
    .option('--format <format>', "a template as '{{.Type}} {{.Size}}', 'table TEMPLATE', 'json'")
    .action(({ format }: { readonly format?: string }, command: Command) => showDiskUsage(rootOf(command), format)))
  system.addCommand(new ContainerCommand('start', { inNamespace: 'enters' })
    .description("when the machine goes up: start containers as their restart policies have it, take away what the last boot has left of others")
    .action((_options: unknown, command: Command) => {
      const root = rootOf(command)
      return forEach(restingContainers(root), async (each) => {
        if (await unlessGone(() => resume(root, each, startWords(root)))) print(each.record.name)
      })
    }))
  system.addCommand(new ContainerCommand('stop', { inNamespace: 'enters' })
    .description('before it goes down: stop all containers; the next start of the machine takes them for running')
    .action(async (_options: unknown, command: Command) => {
      const root = rootOf(command)
      // All at once: a machine does not wait ten seconds for each.
      await Promise.all(runningContainers(root).map((each) => forEach([each], async () => {
        await unlessGone(() => suspend(root, each, startWords(root)))
        print(each.record.name)
      })))
    }))
  return system
}

async function prune(root: StateRoot, all: boolean, volumes: boolean): Promise<void> {
  await forEach(await findLeftovers(root), async ({ what, remove }) => {
    await unlessGone(remove)
    writeText(`Removed: ${oneLineOfText(what)}\n`)
  })
  if (!all) return
  const freed = await pruneContainers(root) + (volumes ? await pruneVolumes(root, isAnonymous) : 0)
  // Perhaps nobody is on the bridge any more; the next container makes it again.
  for (const what of await sweepNetwork(() => undefined, { remove: true, all: true })) writeText(`Removed: ${oneLineOfText(what)}\n`)
  writeText(`Total reclaimed space: ${formatQuantity(freed, 1000)}\n`)
}
