/**
 * `tsaufs volume`: directories that outlive containers.
 */
import type { Command } from 'commander'
import { readPairs } from '../../engine/spec/words.js'
import type { StateRoot } from '../../engine/store/root.js'
import {
  allVolumes, createVolume, findVolume, isAnonymous, readVolume, removeVolume, usersOf, type Volume,
} from '../../engine/store/volumes.js'
import { usage } from '../../engine/error.js'
import { diskUsage } from '../../engine/store/usage.js'
import { textOf } from '../../engine/text.js'
import { formatQuantity } from '../../util/quantity.js'
import { agrees } from '../container/ask.js'
import { ContainerCommand, many, rootOf } from '../container/command.js'
import { hasLabel, keyFilters, type KeyFilters } from '../container/key-filters.js'
import { forEach } from '../container/run-exit.js'
import { printFormatted, printTable } from '../container/table.js'
import { printInspected } from '../container/inspected.js'
import { oneLine, print, writeText } from '../output.js'

const HEADINGS = { Driver: 'DRIVER', Name: 'VOLUME NAME', Mountpoint: 'MOUNTPOINT', Labels: 'LABELS', Scope: 'SCOPE' }

/** Build the command. */
export function volumeCommand(): Command {
  const volume = new ContainerCommand('volume').description('look after volumes: directories that outlive containers')
  for (const each of [create(), list(), inspect(), remove(), prune()]) volume.addCommand(each)
  return volume
}

const truthOf = (value: string): boolean => value === 'true' || value === '1'

function filtersFor(root: StateRoot): KeyFilters<Volume> {
  return {
    name: ({ record }, value) => record.name.includes(value),
    label: ({ record }, value) => hasLabel(record.labels, value),
    'label!': ({ record }, value) => !hasLabel(record.labels, value),
    driver: (_, value) => value === 'local',
    dangling: ({ record }, value) => (usersOf(root, record.name).length === 0) === truthOf(value),
  }
}

const texts = (pairs: Readonly<Record<string, string>>): Record<string, string> => (
  Object.fromEntries(Object.entries(pairs).map(([key, value]) => [textOf(key), textOf(value)])))

/** docker's JSON. */
function shapeOf({ record, data }: Volume): Record<string, unknown> {
  const orNull = (pairs: Readonly<Record<string, string>>): Record<string, string> | null => (Object.keys(pairs).length === 0 ? null : texts(pairs))
  return {
    CreatedAt: record.created, Driver: 'local', Labels: orNull(record.labels), Mountpoint: textOf(data), Name: record.name,
    Options: orNull(record.options), Scope: 'local',
  }
}

function create(): Command {
  return new ContainerCommand('create')
    .description('make a volume; one that is there already is left as it is')
    .usage('[OPTIONS] [VOLUME]')
    .argument('[name]')
    .option('-d, --driver <driver>', 'local', 'local')
    .option('--label <label>', 'NAME=value', many)
    .option('-o, --opt <option>', 'type=none, o=bind, device=DIR: a directory of the host under this name', many)
    .action((name: string | undefined, options: { readonly driver: string, readonly label?: readonly string[], readonly opt?: readonly string[] }, command: Command) => {
      if (options.driver !== 'local') throw usage(`volume create --driver ${options.driver}`, `volume driver ${options.driver} not found; there is local`, 'ENOENT')
      const { volume } = createVolume(rootOf(command), {
        name: name ?? '', labels: readPairs('--label', options.label ?? []), options: readPairs('--opt', options.opt ?? []),
      })
      print(volume.record.name)
    })
}

function list(): Command {
  return new ContainerCommand('ls').alias('list')
    .description('list volumes')
    .usage('[OPTIONS]')
    .option('-q, --quiet', 'names only')
    .option('-f, --filter <filter>', 'those with name=, label=, dangling=true, driver=', many)
    .option('--format <format>', "a template as '{{.Name}}', 'table TEMPLATE', 'json'")
    .action((options: { readonly quiet?: true, readonly filter?: readonly string[], readonly format?: string }, command: Command) => {
      const root = rootOf(command)
      const holds = keyFilters('volume ls', options.filter ?? [], filtersFor(root))
      const rows = allVolumes(root).filter(holds).map((each) => ({
        Driver: 'local', Name: each.record.name, Mountpoint: oneLine(textOf(each.data)), Scope: 'local',
        Labels: oneLine(Object.entries(texts(each.record.labels)).map(([key, value]) => `${key}=${value}`).join(',')),
      }))
      if (options.quiet === true) return rows.forEach(({ Name }) => print(Name))
      if (options.format !== undefined && options.format !== 'table') return printFormatted(options.format, rows, HEADINGS)
      printTable([HEADINGS.Driver, HEADINGS.Name], rows.map(({ Driver, Name }) => [Driver, Name]))
    })
}

function inspect(): Command {
  return new ContainerCommand('inspect')
    .description("all that is known of volumes, in docker's shape")
    .usage('[OPTIONS] VOLUME [VOLUME...]')
    .argument('<names...>')
    .option('-f, --format <format>', "a template as '{{.Mountpoint}}', or 'json'")
    .action((names: readonly string[], { format }: { readonly format?: string }, command: Command) => {
      const root = rootOf(command)
      return printInspected(names, format, (name) => shapeOf(findVolume(root, name, 'volume inspect')))
    })
}

function remove(): Command {
  return new ContainerCommand('rm', { inNamespace: 'enters' }).alias('remove')
    .description('remove volumes that no container has')
    .usage('[OPTIONS] VOLUME [VOLUME...]')
    .argument('<names...>')
    .option('-f, --force', 'one that is not there is no failure')
    .action(async (names: readonly string[], { force }: { readonly force?: true }, command: Command) => {
      const root = rootOf(command)
      await forEach(names, async (name) => {
        if (force !== true || readVolume(root, name) !== undefined) await removeVolume(root, name, 'volume rm')
        print(name)
      })
    })
}

function prune(): Command {
  return new ContainerCommand('prune', { inNamespace: 'enters' })
    .description('remove volumes that nobody has named and no container has')
    .usage('[OPTIONS]')
    .option('-a, --all', 'those with a name as well')
    .option('-f, --force', 'do not ask')
    .option('--filter <filter>', 'those with label=, label!=', many)
    .action(async (options: { readonly all?: true, readonly force?: true, readonly filter?: readonly string[] }, command: Command) => {
      const root = rootOf(command)
      const { label, 'label!': without } = filtersFor(root)
      const holds = keyFilters('volume prune', options.filter ?? [], { label: label!, 'label!': without! })
      if (options.force !== true && !await agrees(`${options.all === true ? 'all' : 'anonymous'} local volumes not used by at least one container`)) return
      const freed = await pruneVolumes(root, (each) => (options.all === true || isAnonymous(each)) && holds(each))
      writeText(`Total reclaimed space: ${formatQuantity(freed, 1000)}\n`)
    })
}

/** Remove those that no container has, and say which. @returns bytes that were in them */
export async function pruneVolumes(root: StateRoot, holds: (volume: Volume) => boolean): Promise<number> {
  const idle = allVolumes(root).filter((each) => holds(each) && usersOf(root, each.record.name).length === 0)
  let freed = 0
  if (idle.length > 0) writeText('Deleted Volumes:\n')
  await forEach(idle, async (each) => {
    const size = each.record.options['device'] === undefined ? diskUsage(each.data) : 0
    await removeVolume(root, each.record.name, 'volume prune')
    freed += size
    print(each.record.name)
  })
  if (idle.length > 0) writeText('\n')
  return freed
}
