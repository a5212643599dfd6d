/** The question `move-down`: a file goes to a lower writable branch. Fields as in MoveDown; paths are bytes as latin1. */
import { Errno } from '../os/errno.js'
import { MountError } from '../config/mount-error.js'
import { moveDown, Refusal, type Moved } from '../union/move-down.js'
import type { Union } from '../union/union.js'
import { Wait } from '../util/wait.js'
import type { Question } from './control.js'

/** Exit code of the command that asked. */
const FAILED = 1

/** Carry it out. @throws MountError with the reason when it cannot be */
export async function answerMoveDown(union: Union, { path, branch, from, keep, overwrite }: Question): Promise<Moved> {
  if (typeof path !== 'string') throw new MountError('move-down', 'EINVAL', 'no path was given', FAILED)
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
  const wanted = { path, branch: text(branch), from: text(from), keep: keep === true, overwrite: overwrite === true }
  for (;;) {
    try {
      return moveDown(union, wanted)
    } catch (error) {
      if (error instanceof Wait) await settled(error)
      else if (error instanceof Refusal) throw new MountError(`move-down ${path}`, error.code, error.reason, FAILED, { cause: error })
      else if (error instanceof Errno) throw new MountError(`move-down ${path}`, error.code, `${error.syscall} failed; it stays where it is`, FAILED, { cause: error })
      else throw error
    } finally {
      union.afterRequest()
    }
  }
}

/** A worker's failure is the file's (ENOSPC): told like any other. @throws MountError */
async function settled(wait: Wait): Promise<void> {
  try {
    await wait.done
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    throw new MountError('move-down', error.code, 'the data could not be copied; it stays where it is', FAILED, { cause: error })
  }
}
