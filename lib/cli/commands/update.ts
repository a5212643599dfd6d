/**
 * `tsaufs update`: other limits for containers, also while they run.
 */
import { Option, type Command } from 'commander'
import { LIMIT_FLAGS, limitsOf } from '../../engine/cgroup/index.js'
import { usage } from '../../engine/error.js'
import { updateContainer } from '../../engine/life/update.js'
import { parseRestart } from '../../engine/spec/words.js'
import { ContainerCommand } from '../container/command.js'
import { eachContainer } from '../container/each.js'
import { complain } from '../output.js'

/** Build the command. */
export function updateCommand(): Command {
  const command = new ContainerCommand('update')
    .description('change limits of containers, running or not; 0 takes a limit away')
    .usage('[OPTIONS] CONTAINER [CONTAINER...]')
    .argument('<containers...>')
    .option('--restart <policy>', 'when it has ended: no, on-failure[:N], always, unless-stopped')
  for (const { flags, help, live } of LIMIT_FLAGS) {
    if (live) command.addOption(new Option(flags, help))
  }
  return command.action(async (refs: readonly string[], options: Readonly<Record<string, string>>, self: Command) => {
    const limits = limitsOf(options)
    const { restart } = options
    if (Object.keys(limits).length === 0 && restart === undefined) throw usage('update', 'you must provide one or more flags when using this command')
    const change = { limits, restart: restart === undefined ? undefined : parseRestart(restart) }
    await eachContainer(self, refs, async (container, root) => {
      const notes = await updateContainer(root, container, change)
      notes.forEach(complain)
    })
  })
}
