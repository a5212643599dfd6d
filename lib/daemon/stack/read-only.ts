/** The whole mount read-only or writable, as the kernel sees it: mount(2) with MS_REMOUNT. */
import { sys } from '../../os/native.js'
import { errnoName } from '../../os/errno.js'
import { MountError } from '../../config/mount-error.js'
import { mountAt } from '../mountinfo.js'
import { mountFlags } from '../mount.js'
import type { MountState } from '../aside.js'

const MS_REMOUNT = 32

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'files are open for writing; close them first',
  EPERM: 'only root may do that; change the branches instead (mod:PATH=ro)',
}

/** Change it. @throws MountError when the kernel refuses */
export function setReadOnly({ dev, mountpoint, flags }: MountState, readOnly: boolean): null {
  const tried = `remount ${mountpoint} ${readOnly ? 'ro' : 'rw'}`
  if (mountAt(mountpoint)?.dev !== dev) throw new MountError(tried, 'EINVAL', 'something else is mounted there now')
  const rc = sys.mount('none', mountpoint, '', MS_REMOUNT | mountFlags(new Set(flags), readOnly), '')
  if (rc >= 0) return null
  const code = errnoName(-rc)
  throw new MountError(tried, code, REASONS[code] ?? 'the kernel refused it; dmesg may say more')
}
