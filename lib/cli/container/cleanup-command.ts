/** The command that a monitor runs when its container has ended. */
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'
import { existsSync } from 'node:fs'
import type { StateRoot } from '../../engine/store/root.js'

/** Without the id, which is its last argument. */
export function cleanupCommand(root: StateRoot): string[] {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir)
  return [process.execPath, join(dir, 'bin', 'tsaufs.js'), '--root', root.path, 'container-cleanup']
}
