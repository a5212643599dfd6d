/**
 * `tsaufs create`: make a container that does not run yet.
 */
import type { Command } from 'commander'
import type { Bytes } from '../../os/native.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { addRunFlags, recordOf, type RunOptions } from '../container/run-flags.js'
import { print } from '../output.js'
import { make } from './run.js'

/** Build the command. */
export function createCommand(): Command {
  return addRunFlags(new ContainerCommand('create', { runs: true, inNamespace: 'makes' }))
    .description("make a container on directories; 'start' runs its program")
    .usage('[OPTIONS] --rootfs DIR[:DIR...] COMMAND [ARG...]')
    .argument('[words...]')
    .option('--cidfile <file>', 'write its id there')
    .action(async (words: readonly Bytes[], options: RunOptions & { readonly cidfile?: Bytes }, command: Command) => {
      const { record } = await make(rootOf(command), recordOf(options, words), options.cidfile)
      print(record.id)
    })
}
