/**
 * `tsaufs diff`: what the writable branches of a mount or a container change, as `docker diff` tells it.
 */
import { Command } from 'commander'
import { usage } from '../../config/mount-error.js'
import { diffMount, diffOptions, type Change } from '../../daemon/diff.js'
import { branchList } from '../../engine/rootfs/mount.js'
import { containerMeant } from '../container/container-or-mount.js'
import { enter } from '../container/own-namespace.js'
import { mountNamed } from '../mount-named.js'
import { oneLine, print, printJson, readableAll } from '../output.js'
import { workingDirectory } from '../raw-args.js'

/** Build the command. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('what the writable branches of a mount, or a container, change: A added, C changed, D deleted; by path')
    .argument('[mountpoint|container]')
    .option('-o, --options <options>', 'instead of a mount: the options it would have (dirs=...)')
    .option('--json', 'for programs')
    .action((mountpoint: string | undefined, flags: { options?: string, json?: true }, command: Command) => {
      if ((mountpoint === undefined) === (flags.options === undefined)) {
        throw usage('diff', 'give a mount point or a container, or -o with the branches')
      }
      const changes = mountpoint === undefined ? diffOptions(flags.options!, workingDirectory()) : changesOf(command, mountpoint)
      if (flags.json === true) return printJson(readableAll(changes))
      for (const { change, path } of changes) print(oneLine(`${change} ${path}`))
    })
}

/** Of a container its branches are asked: it need not run. */
function changesOf(command: Command, word: string): Change[] {
  const container = containerMeant(command, word)
  if (container === undefined) return diffMount(mountNamed('diff', word))
  enter(command, 'enters')
  return diffOptions(`dirs=${branchList(container)}`, '/')
}
