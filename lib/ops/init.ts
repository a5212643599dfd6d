/** What we ask of the kernel at INIT, and why. Source: fuse_send_init in fs/fuse/inode.c; union-semantics section 16. */
import { InitFlag as F } from '../fuse/abi.js'
import { flagSet } from '../fuse/negotiate.js'
import type { Union } from '../union/union.js'

/** Largest WRITE we take: 256 pages, as many as the kernel sends at once. */
export const MAX_WRITE = 1024 * 1024

/** INIT flags wanted by a union. */
export function initFlags(union: Union): number {
  const { config } = union
  const flags: number[] = [
    F.ASYNC_READ, F.BIG_WRITES, F.MAX_PAGES, F.INIT_EXT, F.SETXATTR_EXT, F.PARALLEL_DIROPS, F.HAS_EXPIRE_ONLY,
    // Names with their attributes in one answer, when the kernel sees that attributes are asked for.
    F.DO_READDIRPLUS, F.READDIRPLUS_AUTO,
    // umask comes with the request: a default ACL of the parent overrides it.
    F.DONT_MASK,
    // The kernel tells when a write must take suid away, instead of asking for security.capability before each.
    F.HANDLE_KILLPRIV_V2,
    F.HAS_IOCTL_DIR,
    // Our mount may be idmapped (mount_setattr(2)). Only what makes something then tells by whom: other requests have -1:-1.
    F.ALLOW_IDMAP,
  ]
  if (config.acl) flags.push(F.POSIX_ACL)
  if (config.udba === 'none') flags.push(F.CACHE_SYMLINKS, F.EXPLICIT_INVAL_DATA)
  else flags.push(F.AUTO_INVAL_DATA)
  if (union.passthrough.active) flags.push(F.PASSTHROUGH)
  // Without OPEN there is nobody to tell of O_TRUNC: it then comes as SETATTR.
  if (!union.noOpen) flags.push(F.ATOMIC_O_TRUNC)
  return flagSet(...flags)
}

/** Others may stack on us; we need branches that are not themselves stacked deeper (INIT max_stack_depth). */
export const MAX_STACK_DEPTH = 1
