/** Exit codes of commands that run a program: the program's own, so that ours must be told from it. */
import { MountError } from '../../config/mount-error.js'
import { RUN_EXIT } from '../../engine/error.js'
import { reportFailure } from '../output.js'

const OURS: readonly number[] = Object.values(RUN_EXIT)

/** Run `work` and exit with the code it answers; a failure that is no program's is 125. */
export async function exitingWith(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work()
  } catch (error) {
    const code = reportFailure(error)
    process.exitCode = error instanceof MountError && OURS.includes(code) ? code : RUN_EXIT.ENGINE
  }
}

/** Do something with each of several containers, go on after a failure, and exit with 1 if there was one. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (const item of items) {
    try {
      await work(item)
    } catch (error) {
      reportFailure(error)
      process.exitCode = 1
    }
  }
}
