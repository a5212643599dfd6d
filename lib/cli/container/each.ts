/** Commands that do one thing with each of several containers. */
import type { Command } from 'commander'
import { findContainer } from '../../engine/store/containers.js'
import type { Container } from '../../engine/store/record.js'
import type { StateRoot } from '../../engine/store/root.js'
import { print } from '../output.js'
import { rootOf } from './command.js'
import { forEach } from './run-exit.js'

/**
 * Find each container, do it, and print what it was called by, or what `work` answers. One that fails does not keep the others from their turn;
 * the exit code is 1 then.
 */
export async function eachContainer(command: Command, refs: readonly string[], work: (container: Container, root: StateRoot) => Promise<string | void>): Promise<void> {
  const root = rootOf(command)
  await forEach(refs, async (ref) => {
    print(await work(findContainer(root, ref, command.name()), root) ?? ref)
  })
}
