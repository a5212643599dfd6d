/**
 * What the writable branches of a mount change, or would in a union that is not mounted. Read in this process, from the
 * branches: the daemon goes on serving.
 */
import { MountError } from '../config/mount-error.js'
import { parseMount } from '../config/parse.js'
import { Errno } from '../os/errno.js'
import type { Bytes } from '../os/native.js'
import { diff, type Change } from '../union/diff.js'
import { nativelyReadOnly } from './fs-type.js'
import { isMachineRoot } from './process-id.js'
import type { MountRecord } from './rundir.js'

export type { Change }

const FAILED = 1

/** The changes of a live mount, whose branches its mount cannot cover. @throws MountError if one cannot be read */
export function diffMount(record: MountRecord): Change[] {
  return diffOptions(`br=${record.branches.join(':')}`, '/')
}

/**
 * The changes of branches that need not be mounted.
 * @param options as for a mount; the branches count
 * @throws MountError for options that are wrong, and branches that cannot be read
 */
export function diffOptions(options: Bytes, cwd: Bytes): Change[] {
  const { config } = parseMount({ options, source: 'none', mountpoint: '/', cwd }, nativelyReadOnly)
  try {
    return diff(config, isMachineRoot())
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    const what = error.path === '' ? 'the branches' : error.path
    throw new MountError(`diff of ${what}`, error.code, `${error.syscall} failed; nothing was told`, FAILED, { cause: error })
  }
}
