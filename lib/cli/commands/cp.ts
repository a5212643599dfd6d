/**
 * `tsaufs cp`: copy between a container and the host.
 */
import type { Command } from 'commander'
import type { Bytes } from '../../os/native.js'
import { usage } from '../../engine/error.js'
import { packPath, unpackInto } from '../../engine/life/archive.js'
import { copy, type CopySide } from '../../engine/life/copy.js'
import { findContainer } from '../../engine/store/containers.js'
import type { Container } from '../../engine/store/record.js'
import type { StateRoot } from '../../engine/store/root.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { standardInput } from '../container/standard-input.js'
import { workingDirectory } from '../raw-args.js'

/** Build the command. */
export function cpCommand(): Command {
  return new ContainerCommand('cp', { inNamespace: 'enters' })
    .description('copy files and directories between a container and the host, - for a tar stream; it need not run')
    .usage('[OPTIONS] CONTAINER:SOURCE TARGET|- | SOURCE|- CONTAINER:TARGET')
    .argument('<source>')
    .argument('<target>')
    .option('-a, --archive', 'keep owners and set-id bits')
    .option('-L, --follow-link', 'copy what a link leads to')
    .option('-q, --quiet', 'nothing: it shows no progress')
    .action(async (source: Bytes, target: Bytes, options: { readonly archive?: true, readonly followLink?: true }, command: Command) => {
      const root = rootOf(command)
      if (source === '-' && target === '-') throw usage('cp', 'must specify at least one container source or destination')
      if (source === '-') return unpackInto(inContainer(root, target), pathOf(target), options.archive === true, standardInput())
      if (target === '-') {
        if (process.stdout.isTTY) throw usage('cp', 'a tar stream is nothing for a terminal; redirect it')
        return packPath(inContainer(root, source), pathOf(source), options.followLink === true, process.stdout)
      }
      const [from, to] = [side(root, source), side(root, target)]
      if (from.container !== undefined && to.container !== undefined) throw usage('cp', 'copying between containers is not supported')
      await copy(from, to, workingDirectory(), { archive: options.archive === true, followLink: options.followLink === true })
    })
}

/** `CONTAINER:PATH`, or a path of the host, which has its colon after a slash. */
function side(root: StateRoot, text: Bytes): CopySide {
  const at = text.indexOf(':')
  if (at <= 0 || /^[./]/.test(text)) return { container: undefined, path: text }
  return { container: findContainer(root, text.slice(0, at), 'cp'), path: pathOf(text) }
}

function pathOf(text: Bytes): Bytes {
  const path = text.slice(text.indexOf(':') + 1)
  return path.startsWith('/') ? path : `/${path}`
}

/** The container of a side whose other one is a stream. */
function inContainer(root: StateRoot, text: Bytes): Container {
  const { container } = side(root, text)
  if (container === undefined) throw usage(`cp ${text}`, 'must specify at least one container source or destination')
  return container
}
