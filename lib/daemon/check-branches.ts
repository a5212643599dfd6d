/**
 * Whether the branches of a mount are what they are said to be. Everything that can be refused is refused here, before
 * anything is opened for good; the checks are repeated in effect by the union when it opens them.
 */
import { accessSync, constants, realpathSync } from 'node:fs'
import { sys, type Bytes } from '../os/native.js'
import { E, errnoName } from '../os/errno.js'
import { st, S_IFDIR } from '../os/stat.js'
import { MountError } from '../config/mount-error.js'
import type { BranchSpec, MountConfig } from '../config/config.js'
import { unfitType } from './fs-type.js'
import { contains, FUSE_TYPE, placeOnFs, readMountinfo, type FsPlace, type MountEntry } from './mountinfo.js'

const C = sys.constants
/** Offsets in `sys.fsstat`: f_namelen of struct fuse_kstatfs, then ours. */
const FS_NAMELEN = 44
const FS_TYPE = 80
const FS_FLAGS = 92
const ST_RDONLY = 1
const AT_FDCWD = -100
const MOUNT_ID = 128

/** A branch whose directory was looked at. */
interface Seen {
  readonly spec: BranchSpec
  readonly place: FsPlace | undefined
  readonly dev: number
  readonly ino: bigint
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

/** What can be wrong with reaching a directory, and what to do. */
const REACH: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory; create it or correct the path',
  ENOTDIR: 'it is not a directory; give a directory',
  EACCES: 'no permission to reach it; open the directories above it or mount as root',
  ELOOP: 'symbolic links lead in a circle; correct the path',
  ENAMETOOLONG: 'the path is too long',
  ENOTCONN: 'the program that served this mount is gone; unmount it first',
}

/** The errno name of a failed call of node:fs. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EIO'
}

/** A refusal for a path that could not be reached. */
export function unreachable(tried: string, code: string): MountError {
  return new MountError(tried, code, REACH[code] ?? 'it cannot be used')
}

/** `path` with every symbolic link followed. @throws MountError when that leads nowhere */
export function realPath(tried: string, path: Bytes): Bytes {
  try {
    return realpathSync.native(Buffer.from(path, 'latin1'), { encoding: 'latin1' })
  } catch (error) {
    throw unreachable(tried, codeOf(error))
  }
}

/**
 * Check every branch against the disk and against the others.
 * @param mounted branches that are open already: they may have become unreachable by their paths
 * @returns the configuration with the branches' real paths
 * @throws MountError with the first thing that is wrong
 */
export function checkBranches(
  config: MountConfig, warn: (line: string) => void, mounted: ReadonlySet<BranchSpec> = new Set(),
): MountConfig {
  const mounts = readMountinfo()
  const seen = config.branches.map((spec) => {
    try {
      return lookAt(spec, config.readOnly, mounts)
    } catch (error) {
      if (mounted.has(spec) && error instanceof MountError) return undefined
      throw error
    }
  })
  for (const [i, lower] of seen.entries()) {
    for (const upper of seen.slice(0, i)) {
      if (upper !== undefined && lower !== undefined) checkApart(upper, lower, config.dropIn === true)
    }
  }
  if (config.warnPerm) warnPermissions(seen.filter((s) => s !== undefined), warn)
  return { ...config, branches: config.branches.map((spec, i) => seen[i]?.spec ?? spec) }
}

function lookAt(typed: BranchSpec, readOnlyMount: boolean, mounts: readonly MountEntry[]): Seen {
  const tried = `branch ${typed.path}`
  const spec = { ...typed, path: realPath(tried, typed.path) }
  const rc = sys.openat(AT_FDCWD, spec.path, C['O_PATH']!, 0)
  if (rc < 0) throw unreachable(tried, errnoName(-rc))
  try {
    const stat = sys.statx(rc, '')
    if (stat < 0) throw unreachable(tried, errnoName(-stat))
    if (st.kind !== S_IFDIR) throw unreachable(tried, 'ENOTDIR')
    const mountId = Number(sys.stat.readBigUInt64LE(MOUNT_ID))
    const seen: Seen = {
      spec,
      place: placeOnFs(spec.path, mountId, mounts),
      dev: st.dev,
      ino: sys.stat.readBigUInt64LE(0),
      uid: st.uid,
      gid: st.gid,
      mode: st.mode,
    }
    const statfs = sys.statfs(rc)
    if (statfs < 0) throw unreachable(tried, errnoName(-statfs))
    const unfit = unfitType(sys.fsstat.readUInt32LE(FS_TYPE))
    if (unfit !== undefined) {
      throw new MountError(tried, 'EINVAL', `${unfit} cannot be a branch; give a directory of an ordinary file system`)
    }
    checkAccess(tried, spec, spec.perm === 'rw' && !readOnlyMount)
    if (spec.perm === 'rw') checkWritable(tried, mounts.find((m) => m.id === mountId))
    return seen
  } finally {
    sys.close(rc)
  }
}

function checkAccess(tried: string, spec: BranchSpec, write: boolean): void {
  const path = Buffer.from(spec.path, 'latin1')
  try {
    accessSync(path, constants.R_OK | constants.X_OK)
  } catch (error) {
    throw new MountError(tried, codeOf(error), 'no permission to read it; change its mode or mount as root')
  }
  if (!write) return
  try {
    accessSync(path, constants.W_OK)
  } catch (error) {
    if (codeOf(error) === 'EROFS') throw readOnlyFs(tried)
    throw new MountError(tried, codeOf(error), 'no permission to write to it; change its mode, or give it as =ro')
  }
}

function readOnlyFs(tried: string): MountError {
  return new MountError(
    tried, 'EROFS', 'its file system is mounted read-only; give it as =ro, or remount the file system rw',
  )
}

/** What a writable branch needs of its file system; `sys.fsstat` is that of the branch. */
function checkWritable(tried: string, mount: MountEntry | undefined): void {
  if ((sys.fsstat.readUInt32LE(FS_FLAGS) & ST_RDONLY) !== 0) throw readOnlyFs(tried)
  if (mount?.type === FUSE_TYPE) {
    throw new MountError(tried, 'EINVAL', 'a union cannot keep the whiteouts of another one; give it as =ro')
  }
  const nameMax = sys.fsstat.readUInt32LE(FS_NAMELEN)
  if (nameMax < 255) {
    throw new MountError(
      tried, 'EINVAL', `names there have at most ${nameMax} bytes and 255 are needed to write; give it as =ro`,
    )
  }
}

/**
 * The directory can be opened as a mount of its own, which holds nothing that is mounted in it: whatever is below it, our
 * own mount too, we do not meet it there.
 */
export function isSeparable(path: Bytes): boolean {
  const fd = sys.cloneMount(path, 1)
  if (fd >= 0) sys.close(fd)
  return fd >= 0
}

function checkApart(upper: Seen, lower: Seen, dropIn: boolean): void {
  const tried = `branch ${lower.spec.path}`
  if (upper.dev === lower.dev && upper.ino === lower.ino) {
    throw new MountError(tried, 'EINVAL', `it is the same directory as a branch above it; name each directory once`)
  }
  if (upper.place === undefined || lower.place === undefined || upper.place.dev !== lower.place.dev) return
  const [outer, inner] = contains(upper.place.path, lower.place.path) ? [upper, lower] : [lower, upper]
  if (!contains((outer.place as FsPlace).path, (inner.place as FsPlace).path)) return
  if (dropIn && isSeparable(outer.spec.path)) return
  throw new MountError(
    `branch ${inner.spec.path}`,
    'EINVAL',
    `it overlaps branch ${outer.spec.path}, which it lies in; use directories side by side`,
  )
}

function warnPermissions([first, ...others]: readonly Seen[], warn: (line: string) => void): void {
  const show = (s: Seen): string => `uid ${s.uid}, gid ${s.gid}, mode ${(s.mode & 0o7777).toString(8).padStart(4, '0')}`
  for (const other of others) {
    if (first === undefined || show(first) === show(other)) continue
    warn(`branch ${other.spec.path} has ${show(other)}, but the root shows ${show(first)} (silence this with nowarn_perm)`)
  }
}

/** Where branches lie, for the check of the mount point. */
export interface PlacedBranch {
  readonly path: Bytes
  readonly place: FsPlace | undefined
}

/** Where a directory lies on its file system; undefined when mountinfo does not know its mount. @pre it was reachable */
export function placeOf(path: Bytes, mounts: readonly MountEntry[] = readMountinfo()): FsPlace | undefined {
  if (sys.statx(AT_FDCWD, path) === -E.ENOENT) return undefined
  return placeOnFs(path, Number(sys.stat.readBigUInt64LE(MOUNT_ID)), mounts)
}
