/**
 * Opening /dev/fuse and mounting it: mount(2) when we may, else through the setuid fusermount3.
 */
import { readFileSync } from 'node:fs'
import { sys, type Bytes } from '../os/native.js'
import { E, errnoName } from '../os/errno.js'
import { MountError } from '../config/mount-error.js'
import type { MountConfig } from '../config/config.js'
import { FUSE_TYPE, mountAt, type MountEntry } from './mountinfo.js'
import { unmount } from './unmount.js'

const C = sys.constants
const AT_FDCWD = -100

/** Flags of mount(2), by option name. Source: sys/mount.h. */
const MS: Readonly<Record<string, number>> = {
  nosuid: 2, nodev: 4, noexec: 8, sync: 16, dirsync: 128,
  noatime: 1024, nodiratime: 2048, relatime: 1 << 21, strictatime: 1 << 24, lazytime: 1 << 25,
}
const MS_RDONLY = 1

/** Flags that every fusermount3 knows; the others concern times that we keep ourselves. */
const FUSERMOUNT_FLAGS: readonly string[] = ['noexec', 'noatime', 'sync', 'dirsync']

/** A finished mount. */
export interface Mounted {
  /** /dev/fuse, connected. */
  readonly fd: number
  readonly entry: MountEntry
}

/**
 * Mount at the real path `config.mountpoint`.
 * @throws MountError when the device or the mount is refused; nothing is left behind
 */
export function mountFuse(config: MountConfig, report: (line: string) => void): Mounted {
  const privileged = process.geteuid?.() === 0
  const direct = privileged ? mountDirectly(config) : -E.EPERM
  if (direct < 0 && direct !== -E.EPERM) {
    throw new MountError(
      `mount ${config.mountpoint}`, errnoName(-direct), 'the kernel refused the mount; dmesg may say more',
    )
  }
  const fd = direct >= 0 ? direct : mountByHelper(config, report)
  const entry = mountAt(config.mountpoint)
  if (entry?.type === FUSE_TYPE) return { fd, entry }
  sys.close(fd)
  throw new MountError(
    `mount ${config.mountpoint}`, 'EIO', 'it is mounted but does not show in /proc/self/mountinfo; is /proc mounted?',
  )
}

/** What can be wrong with the device. */
const DEVICE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such device; load the module (modprobe fuse), or give the container the device (--device /dev/fuse)',
  ENODEV: 'the kernel has no FUSE; load the module (modprobe fuse)',
  ENXIO: 'the kernel has no FUSE; load the module (modprobe fuse)',
  EACCES: 'no permission; its mode should be 0666',
  EPERM: 'the container may not use it; give it the device (--device /dev/fuse)',
}

function openDevice(): number {
  const fd = sys.openat(AT_FDCWD, '/dev/fuse', C['O_RDWR']!, 0)
  if (fd >= 0) return fd
  throw deviceRefused(fd)
}

/** @param rc -errno */
function deviceRefused(rc: number): MountError {
  const code = errnoName(-rc)
  return new MountError('open /dev/fuse', code, DEVICE[code] ?? 'it cannot be used')
}

/** The flags of mount(2) for options by name. */
export function mountFlags(names: ReadonlySet<string>, readOnly: boolean): number {
  let flags = readOnly ? MS_RDONLY : 0
  for (const name of names) flags |= MS[name] ?? 0
  return flags
}

/** @returns the fd, or what mount(2) gave */
function mountDirectly(config: MountConfig): number {
  const fd = openDevice()
  const owner = `user_id=${process.geteuid?.()},group_id=${process.getegid?.()}`
  const data = `fd=${fd},rootmode=40000,${owner},default_permissions,allow_other`
  const flags = mountFlags(config.flags, config.readOnly)
  const rc = sys.mount(config.source, config.mountpoint, FUSE_TYPE, flags, data)
  if (rc >= 0) return fd
  sys.close(fd)
  return rc
}

function mountByHelper(config: MountConfig, report: (line: string) => void): number {
  // That there is no device fusermount3 would say too, but without a way out.
  const device = sys.openat(AT_FDCWD, '/dev/fuse', C['O_PATH']!, 0)
  if (device < 0) throw deviceRefused(device)
  sys.close(device)
  const others = process.geteuid?.() === 0 || othersAllowed()
  if (config.allowOther && !others) {
    report(`mount ${config.mountpoint}: allow_other needs 'user_allow_other' in /etc/fuse.conf; only you can use the mount`)
  }
  const options = [
    `fsname=${escapeValue(config.source)}`, 'subtype=tsaufs', 'default_permissions',
    ...(others ? ['allow_other'] : []),
    ...(config.readOnly ? ['ro'] : []),
    ...FUSERMOUNT_FLAGS.filter((name) => config.flags.has(name)),
  ]
  const fd = sys.fusermount(['fusermount3', '-o', options.join(','), '--', config.mountpoint])
  if (fd >= 0) return fd
  if (fd === -E.ENOENT) {
    throw new MountError(
      `mount ${config.mountpoint}`, 'ENOENT', 'an ordinary user needs fusermount3; install the package fuse3',
    )
  }
  // It opens the device as root or as its caller, depending on its version.
  sys.close(openDevice())
  throw new MountError(`mount ${config.mountpoint}`, errnoName(-fd), 'fusermount3 refused the mount')
}

/** A value of a fusermount3 option: `,` ends it unless escaped. Source: libfuse util/fusermount.c, get_string_opt(). */
export function escapeValue(value: Bytes): Bytes {
  return value.replace(/[\\,]/g, '\\$&')
}

/** /etc/fuse.conf lets ordinary users give `allow_other`. */
function othersAllowed(): boolean {
  try {
    return /^[ \t]*user_allow_other[ \t]*$/m.test(readFileSync('/etc/fuse.conf', 'latin1'))
  } catch {
    return false
  }
}

/** Take a mount that never answered away again: the process that would have served it is this one, so it is detached. */
export function abandon(mounted: Mounted): void {
  sys.close(mounted.fd)
  // Somebody may have unmounted it already, and mounted something else.
  if (mountAt(mounted.entry.mountpoint)?.id === mounted.entry.id) unmount(mounted.entry.mountpoint, true)
}
