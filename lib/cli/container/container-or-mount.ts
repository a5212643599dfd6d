/** Commands that are about mounts and about containers: which of them a word means. */
import type { Command } from 'commander'
import { existsSync } from 'node:fs'
import { MountError } from '../../config/mount-error.js'
import { absolute } from '../../config/syntax.js'
import { mountAt, mountPlace } from '../../daemon/mountinfo.js'
import { findContainer } from '../../engine/store/containers.js'
import type { Container } from '../../engine/store/record.js'
import { fsPath } from '../../engine/text.js'
import { workingDirectory } from '../raw-args.js'
import { rootOf } from './command.js'

/**
 * A word with a slash, or at which something is mounted, means a mount; any other a container, unless there is none and a file has
 * that name.
 * @returns undefined for a mount
 */
export function containerMeant(command: Command, word: string): Container | undefined {
  const cwd = workingDirectory()
  if (word.includes('/') || mountAt(mountPlace(word, cwd)) !== undefined) return undefined
  try {
    return findContainer(rootOf(command), word, command.name())
  } catch (error) {
    if (error instanceof MountError && error.code === 'ENOENT' && existsSync(fsPath(absolute(word, cwd)))) return undefined
    throw error
  }
}
