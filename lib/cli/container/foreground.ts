/** A container that is started with its output here. */
import { failure, RUN_EXIT } from '../../engine/error.js'
import { finish } from '../../engine/life/finish.js'
import { startContainer } from '../../engine/life/start.js'
import { withContainer } from '../../engine/store/containers.js'
import type { Container } from '../../engine/store/record.js'
import type { StateRoot } from '../../engine/store/root.js'
import { isRunning, stateOf, type ExitState } from '../../engine/store/status.js'
import { complain } from '../output.js'
import { cleanupCommand } from './cleanup-command.js'
import { converse, terminalSize, type Connection } from './terminal.js'

/** What every start is told. */
export function startWords(root: StateRoot): { readonly cleanup: readonly string[], readonly note: (line: string) => void } {
  return { cleanup: cleanupCommand(root), note: complain }
}

/** Start a container that runs on without us. A running one is left alone, as by docker. */
export async function startDetached(root: StateRoot, container: Container): Promise<void> {
  await withContainer(container, 'start', async (current) => {
    if (!isRunning(stateOf(current))) await startContainer(root, current, { ...startWords(root), attach: false })
  })
}

/** Start a container and stay until its program ends, or somebody detaches. @returns our exit code */
export async function runForeground(root: StateRoot, container: Container, connection: Connection): Promise<number> {
  const words = startWords(root)
  const size = connection.tty ? terminalSize() : {}
  // A policy that starts it again is the monitor's affair: it outlives us.
  const ours = container.record.host.restartPolicy.name === 'no'
  const { client } = await withContainer(container, 'start', (current) => {
    if (isRunning(stateOf(current))) throw failure(`start ${current.record.name}`, 'EBUSY', 'it is running already; attach to it', RUN_EXIT.ENGINE)
    return startContainer(root, current, { ...words, ...size, attach: true, ...(ours ? { cleansUp: true } : {}) })
  })
  const { exit, detached } = await converse(client!, connection)
  if (detached) return 0
  if (ours) await finish(root, container, words)
  return exitCode(container, exit)
}

/** The program's exit code. @throws MountError when nobody knows it */
export function exitCode({ record }: Container, exit: ExitState | undefined): number {
  if (exit !== undefined) return exit.code
  throw failure(`run ${record.name}`, 'ECONNRESET', 'its monitor has gone; nobody knows how the program ended', RUN_EXIT.ENGINE)
}
