/**
 * `tsaufs export`: a container's root as a tar stream.
 */
import type { Command } from 'commander'
import { createWriteStream, openSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { codeOf, failure, usage } from '../../engine/error.js'
import { exportRoot } from '../../engine/life/archive.js'
import { findContainer } from '../../engine/store/containers.js'
import { fsPath } from '../../engine/text.js'
import { ContainerCommand, rootOf } from '../container/command.js'

/** Build the command. */
export function exportCommand(): Command {
  return new ContainerCommand('export', { inNamespace: 'enters' })
    .description("a container's root as a tar stream, without what is mounted in it; it need not run")
    .usage('[OPTIONS] CONTAINER')
    .argument('<container>')
    .option('-o, --output <file>', 'write it there, not to stdout')
    .action(async (ref: string, { output }: { readonly output?: Bytes }, command: Command) => {
      const container = findContainer(rootOf(command), ref, 'export')
      if (output === undefined && process.stdout.isTTY) throw usage('export', 'cowardly refusing to save to a terminal. Use the -o flag or redirect')
      if (output === undefined) return exportRoot(container, process.stdout)
      const file = createWriteStream('', { fd: open(output) })
      try {
        await exportRoot(container, file)
      } finally {
        await new Promise((resolve) => file.end(resolve))
      }
    })
}

function open(path: Bytes): number {
  try {
    return openSync(fsPath(path), 'w')
  } catch (error) {
    throw failure(`export -o ${path}`, codeOf(error) ?? 'EIO', 'it cannot be written')
  }
}
