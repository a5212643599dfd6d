/** The mount that a command is asked about. */
import { MountError } from '../config/mount-error.js'
import { mountAt, mountPlace } from '../daemon/mountinfo.js'
import { liveMounts, type MountRecord } from '../daemon/rundir.js'
import { EXIT } from './exit-codes.js'
import { workingDirectory } from './raw-args.js'

/** The record of the union mounted at what was typed. @throws MountError if there is none */
export function mountNamed(command: string, mountpoint: string): MountRecord {
  const dev = mountAt(mountPlace(mountpoint, workingDirectory()))?.dev
  const mount = liveMounts().find((record) => record.dev === dev)
  if (mount !== undefined) return mount
  throw new MountError(
    `${command} ${mountpoint}`, 'EINVAL', "no union is mounted there; 'tsaufs list' shows them", EXIT.FAILED,
  )
}
