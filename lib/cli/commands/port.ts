/**
 * `tsaufs port`: where the published ports of a container are.
 */
import type { Command } from 'commander'
import { failure } from '../../engine/error.js'
import { describeNetwork } from '../../engine/network/index.js'
import { findContainer } from '../../engine/store/containers.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { print } from '../output.js'

/** Build the command. */
export function portCommand(): Command {
  return new ContainerCommand('port')
    .description('where the published ports of a container are on this host')
    .usage('CONTAINER [PORT[/PROTO]]')
    .argument('<container>')
    .argument('[port]')
    .action((ref: string, port: string | undefined, _options: unknown, command: Command) => {
      const container = findContainer(rootOf(command), ref, 'port')
      const { published } = describeNetwork(container)
      const wanted = port === undefined || port.includes('/') ? port : `${port}/tcp`
      const shown = published.filter(([inside]) => wanted === undefined || inside === wanted)
      if (wanted !== undefined && shown.length === 0) throw failure(`port ${ref} ${port}`, 'ENOENT', `No public port '${wanted}' published for ${container.record.name}`)
      for (const [inside, outside] of shown) print(wanted === undefined ? `${inside} -> ${outside}` : outside)
    })
}
