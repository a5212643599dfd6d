/** The command that a monitor runs when its container has ended. */
import type { StateRoot } from '../../engine/store/root.js'

/** Without the id, which is its last argument. */
export function cleanupCommand(root: StateRoot): string[] {
  return [process.execPath, process.argv[1]!, '--root', root.path, 'container-cleanup']
}
