/**
 * `tsaufs container prune`: those that do not run go.
 */
import type { Command } from 'commander'
import { unlessGone } from '../../engine/error.js'
import { removeContainer } from '../../engine/life/remove.js'
import { allContainers } from '../../engine/store/containers.js'
import type { Container } from '../../engine/store/record.js'
import type { StateRoot } from '../../engine/store/root.js'
import { isRunning, stateOf } from '../../engine/store/status.js'
import { parseMoment, parseTime } from '../../engine/store/times.js'
import { containerSize } from '../../engine/store/usage.js'
import { usage } from '../../engine/error.js'
import { formatQuantity } from '../../util/quantity.js'
import { agrees } from '../container/ask.js'
import { ContainerCommand, many, rootOf } from '../container/command.js'
import { hasLabel, keyFilters, type KeyFilters } from '../container/key-filters.js'
import { forEach } from '../container/run-exit.js'
import { writeText } from '../output.js'

const FILTERS: KeyFilters<Container> = {
  label: ({ record }, value) => hasLabel(record.config.labels, value),
  'label!': ({ record }, value) => !hasLabel(record.config.labels, value),
  until: ({ record }, value) => {
    const moment = parseMoment(value)
    if (moment === undefined) throw usage(`container prune --filter until=${value}`, 'invalid value: give RFC 3339, seconds since 1970, or how long ago as 1h30m')
    return parseTime(record.created) < moment
  },
}

/** Build the command. */
export function containerCommand(): Command {
  const container = new ContainerCommand('container').description('look after containers')
  container.addCommand(new ContainerCommand('prune', { inNamespace: 'enters' })
    .description('remove all containers that do not run')
    .usage('[OPTIONS]')
    .option('-f, --force', 'do not ask')
    .option('--filter <filter>', 'those with label=, label!=, until=', many)
    .action(async (options: { readonly force?: true, readonly filter?: readonly string[] }, command: Command) => {
      const holds = keyFilters('container prune', options.filter ?? [], FILTERS)
      if (options.force !== true && !await agrees('all containers that do not run')) return
      const freed = await pruneContainers(rootOf(command), holds)
      writeText(`Total reclaimed space: ${formatQuantity(freed, 1000)}\n`)
    }))
  return container
}

/** Remove those that do not run, and say which. @returns bytes that they had written */
export async function pruneContainers(root: StateRoot, holds: (container: Container) => boolean = () => true): Promise<number> {
  const idle = allContainers(root).filter((each) => {
    const state = stateOf(each)
    return !isRunning(state) && state.status !== 'restarting' && holds(each)
  })
  let freed = 0
  if (idle.length > 0) writeText('Deleted Containers:\n')
  await forEach(idle, async (each) => {
    const size = containerSize(each)
    await unlessGone(() => removeContainer(root, each, false))
    freed += size
    writeText(`${each.record.id}\n`)
  })
  if (idle.length > 0) writeText('\n')
  return freed
}
