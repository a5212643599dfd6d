/** The mount that a command is asked about. */
import { MountError } from '../config/mount-error.js'
import { FUSE_TYPE, mountAt, mountPlace } from '../daemon/mountinfo.js'
import { liveMounts, type MountRecord } from '../daemon/rundir.js'
import { EXIT } from './exit-codes.js'
import { workingDirectory } from './raw-args.js'

/** The record of the union mounted at what was typed. @throws MountError if there is none */
export function mountNamed(command: string, mountpoint: string): MountRecord {
  const entry = mountAt(mountPlace(mountpoint, workingDirectory()))
  const mount = liveMounts().find((record) => record.dev === entry?.dev)
  if (mount !== undefined) return mount
  const owner = entry?.type === FUSE_TYPE ? entry.superOptions.find((word) => word.startsWith('user_id='))?.slice('user_id='.length) : undefined
  if (owner !== undefined && owner !== String(process.geteuid?.())) {
    throw new MountError(
      `${command} ${mountpoint}`, 'EACCES', `it is a mount of user ${owner}; only he may ask its daemon, or root with his TSAUFS_RUN_DIR`, EXIT.FAILED,
    )
  }
  throw new MountError(
    `${command} ${mountpoint}`, 'EINVAL', "no union is mounted there; 'tsaufs list' shows them", EXIT.FAILED,
  )
}
