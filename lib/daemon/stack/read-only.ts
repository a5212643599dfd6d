/** The mount as the kernel has it, changed: mount(2) with MS_REMOUNT. */
import { sys } from '../../os/native.js'
import { errnoName } from '../../os/errno.js'
import { MountError } from '../../config/mount-error.js'
import { mountAt } from '../mountinfo.js'
import { mountFlags } from '../mount.js'
import type { MountState } from '../aside.js'

const MS_REMOUNT = 32
const MS_BIND = 4096

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'files are open for writing; close them first',
  EPERM: 'only root may do that; change the branches instead (mod:PATH=ro)',
}

/**
 * Remount, its other flags as they are.
 * @param reasons advice by errno name
 * @throws MountError when the kernel refuses
 */
function remount({ dev, mountpoint }: MountState, tried: string, wanted: boolean | null, reasons: Readonly<Record<string, string>>): void {
  const entry = mountAt(mountpoint)
  if (entry?.dev !== dev) throw new MountError(tried, 'EINVAL', 'something else is mounted there now')
  const flags = new Set([...entry.options, ...entry.superOptions])
  flags.delete('ro')
  const readOnly = wanted ?? entry.superOptions.includes('ro')
  const rc = sys.mount('none', mountpoint, '', MS_REMOUNT | mountFlags(flags, readOnly), '')
  if (rc < 0) {
    const code = errnoName(-rc)
    throw new MountError(tried, code, reasons[code] ?? 'the kernel refused it; dmesg may say more')
  }
  // A place that is read-only where the file system is not, stays so.
  if (wanted === null && !readOnly && entry.options.includes('ro')) sys.mount('none', mountpoint, '', MS_REMOUNT | MS_BIND | mountFlags(flags, true), '')
}

/** The whole mount read-only or writable, as the kernel sees it. @throws MountError when the kernel refuses */
export function setReadOnly(state: MountState, readOnly: boolean): null {
  remount(state, `remount ${state.mountpoint} ${readOnly ? 'ro' : 'rw'}`, readOnly, REASONS)
  return null
}

/**
 * Make the kernel forget which names are missing. There is no telling it that of a name we do not know, but a remount, even to
 * what is so already, drops every unused name of the file system. Source: reconfigure_super() in fs/super.c.
 * @throws MountError when the kernel refuses
 */
export function forgetMissing(state: MountState): null {
  const EPERM = 'the mount began with udba=none, and only root can make the kernel forget which names are missing; unmount, and mount anew'
  // Twice: a name that a process just had in hand is unused a moment later.
  for (let i = 0; i < 2; i++) remount(state, `remount ${state.mountpoint}`, null, { EPERM })
  return null
}
