/**
 * Before it waits, a command line goes through what most commands do, in a state root of its own: code that has run is compiled and in
 * memory, and node has loaded its modules. Descriptors 0 to 2 are /dev/null meanwhile.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { rehearseStart } from '../../engine/life/start.js'
import { allContainers } from '../../engine/store/containers.js'
import { stateRoot } from '../../engine/store/root.js'
import { startWords } from '../container/foreground.js'
import { program } from '../program.js'

const TIMES = 3

/** Rehearse in `dir`, which is made and removed. What goes wrong has no consequence but a slower command. */
export async function rehearse(dir: string): Promise<void> {
  try {
    mkdirSync(join(dir, 'layer'), { recursive: true, mode: 0o700 })
    for (let i = 0; i < TIMES; i++) await once(dir)
  } catch {
    // It will show when it matters.
  } finally {
    rmSync(dir, { recursive: true, force: true })
    process.exitCode = undefined
    // Now, not in the middle of the command.
    globalThis.gc?.()
  }
}

async function once(dir: string): Promise<void> {
  const root = stateRoot(join(dir, 'state'))
  const command = (...words: string[]): Promise<unknown> => program().parseAsync(['--root', root.path, ...words], { from: 'user' })
  await command('create', '--network', 'none', '--rm', '--rootfs', join(dir, 'layer'), 'true')
  for (const container of allContainers(root)) {
    const monitor = rehearseStart(container, { ...startWords(root), attach: true })
    await monitor.catch(() => undefined)
    await command('rm', container.record.id)
  }
}
