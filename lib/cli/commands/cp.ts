/**
 * `tsaufs cp`: copy between a container and the host.
 */
import type { Command } from 'commander'
import type { Bytes } from '../../os/native.js'
import { usage } from '../../engine/error.js'
import { copy, type CopySide } from '../../engine/life/copy.js'
import { findContainer } from '../../engine/store/containers.js'
import type { StateRoot } from '../../engine/store/root.js'
import { ContainerCommand, rootOf } from '../container/command.js'
import { workingDirectory } from '../raw-args.js'

/** Build the command. */
export function cpCommand(): Command {
  return new ContainerCommand('cp', { inNamespace: 'enters' })
    .description('copy files and directories between a container and the host; it need not run')
    .usage('[OPTIONS] CONTAINER:SOURCE TARGET | SOURCE CONTAINER:TARGET')
    .argument('<source>')
    .argument('<target>')
    .option('-a, --archive', 'keep owners and set-id bits')
    .option('-L, --follow-link', 'copy what a link leads to')
    .option('-q, --quiet', 'nothing: it shows no progress')
    .action(async (source: Bytes, target: Bytes, options: { readonly archive?: true, readonly followLink?: true }, command: Command) => {
      const root = rootOf(command)
      const [from, to] = [side(root, source), side(root, target)]
      if (from.container !== undefined && to.container !== undefined) throw usage('cp', 'copying between containers is not supported')
      await copy(from, to, workingDirectory(), { archive: options.archive === true, followLink: options.followLink === true })
    })
}

/** `CONTAINER:PATH`, or a path of the host, which has its colon after a slash. */
function side(root: StateRoot, text: Bytes): CopySide {
  if (text === '-') throw usage('cp -', 'tar streams are not supported; use tar and exec')
  const at = text.indexOf(':')
  if (at <= 0 || /^[./]/.test(text)) return { container: undefined, path: text }
  const path = text.slice(at + 1)
  return { container: findContainer(root, text.slice(0, at), 'cp'), path: path.startsWith('/') ? path : `/${path}` }
}
