/**
 * Whether something can be mounted at the mount point, and clearing away what a killed daemon left there.
 */
import { accessSync, constants, statSync } from 'node:fs'
import type { Bytes } from '../os/native.js'
import { MountError } from '../config/mount-error.js'
import type { MountConfig } from '../config/config.js'
import { codeOf, isSeparable, placeOf, realPath, unreachable } from './check-branches.js'
import { contains, FUSE_TYPE, mountAt, mountPlace, readMountinfo, type FsPlace } from './mountinfo.js'
import { unmount } from './unmount.js'

/**
 * Check the mount point against the disk and against the branches.
 * @param config with the branches' real paths
 * @returns the configuration with the mount point's real path
 * @throws MountError with the first thing that is wrong
 */
export function checkMountpoint(config: MountConfig, report: (line: string) => void): MountConfig {
  const tried = `mount ${config.mountpoint}`
  detachDead(config.mountpoint, report)
  const mountpoint = realPath(tried, config.mountpoint)
  let stat
  try {
    stat = statSync(Buffer.from(mountpoint, 'latin1'))
  } catch (error) {
    throw unreachable(tried, codeOf(error))
  }
  if (!stat.isDirectory()) throw new MountError(tried, 'ENOTDIR', 'a mount point is a directory; give a directory')
  checkApart(tried, mountpoint, config)
  checkMayMount(tried, mountpoint)
  return { ...config, mountpoint }
}

/**
 * Check that a mount point and the branches do not lie in each other.
 * @param here where the mount point lies on its file system
 * @throws MountError EINVAL
 */
export function checkApart(tried: string, mountpoint: Bytes, config: MountConfig, here = placeOf(mountpoint)): void {
  const mounts = readMountinfo()
  for (const { path } of config.branches) {
    const there = placeOf(path, mounts)
    const within = here !== undefined && there !== undefined && here.dev === there.dev && contains(there.path, here.path)
    if (config.dropIn === true && (!within || isSeparable(path))) continue
    if (within) throw new MountError(tried, 'EINVAL', `the mount point lies in branch ${path}; mount outside the branches`)
    if (contains(mountpoint, path)) {
      throw new MountError(
        tried, 'EINVAL', `branch ${path} lies below the mount point and would be covered; mount somewhere else`,
      )
    }
  }
}

/** fusermount3 asks for a directory that its caller may write to; say so before it does. */
function checkMayMount(tried: string, mountpoint: Bytes): void {
  if (process.geteuid?.() === 0) return
  try {
    accessSync(Buffer.from(mountpoint, 'latin1'), constants.W_OK)
  } catch (error) {
    throw new MountError(
      tried,
      codeOf(error),
      'an ordinary user can mount only on a directory that is writable to him; use one of yours or mount as root',
    )
  }
}

/** Detach mounts of ours whose daemon was killed: every access there is ENOTCONN. There may be several, stacked. */
function detachDead(path: Bytes, report: (line: string) => void): void {
  for (;;) {
    try {
      statSync(Buffer.from(path, 'latin1'))
      return
    } catch (error) {
      if (codeOf(error) !== 'ENOTCONN') return
    }
    const place = mountPlace(path, '/')
    if (mountAt(place)?.type !== FUSE_TYPE) return
    const failed = unmount(place, true)
    if (failed !== '') {
      throw new MountError(
        `mount ${path}`,
        'ENOTCONN',
        `a killed daemon's mount is left there and could not be detached (${failed}); run umount -l`,
      )
    }
    report(`mount ${path}: a killed daemon's mount was left there; detached it`)
  }
}

/** Where a mount point that is mounted on lies on the file system below: found by the directory above it. */
export function placeBelowMount(mountpoint: Bytes): FsPlace | undefined {
  const slash = mountpoint.lastIndexOf('/')
  const above = placeOf(mountpoint.slice(0, slash) || '/')
  return above && { dev: above.dev, path: `${above.path === '/' ? '' : above.path}${mountpoint.slice(slash)}` }
}
