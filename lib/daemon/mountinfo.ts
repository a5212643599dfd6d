/**
 * /proc/self/mountinfo: which mounts there are, and where on its file system a path lies. Reading it touches no mount.
 * Source: proc_pid_mountinfo(5).
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Bytes } from '../os/native.js'
import { absolute } from '../config/syntax.js'

/** One mount. */
export interface MountEntry {
  readonly id: number
  /** `major:minor`, the st_dev of files on it. */
  readonly dev: string
  /** Directory of the file system that is the root of this mount. */
  readonly root: Bytes
  readonly mountpoint: Bytes
  /** For FUSE with the subtype: `fuse.tsaufs`. */
  readonly type: Bytes
  readonly source: Bytes
  /** Options of this mount of it: `rw`, `nosuid`, `relatime`, ... */
  readonly options: readonly string[]
  /** Options of the file system itself, not of this mount of it: `rw`, `cpu`, ... */
  readonly superOptions: readonly string[]
}

/** /proc writes blank, tab, newline and backslash as three octal digits. */
function unescape(field: string): Bytes {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}

/** Parse the file's text. Lines that are not understood are left out. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = []
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ')
    const [id, , dev, root, mountpoint, options = ''] = left?.split(' ') ?? []
    const [type, source, superOptions = ''] = right?.split(' ') ?? []
    if (dev === undefined || root === undefined || mountpoint === undefined || type === undefined) continue
    entries.push({
      id: Number(id), dev, root: unescape(root), mountpoint: unescape(mountpoint), type, source: unescape(source ?? ''),
      options: options.split(','), superOptions: superOptions.split(','),
    })
  }
  return entries
}

/** The mounts of this process's namespace, oldest first: of two at one place the later covers the earlier. */
export function readMountinfo(): MountEntry[] {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'latin1'))
}

/** The mount that is seen at exactly this place, or undefined. */
export function mountAt(path: Bytes, mounts: readonly MountEntry[] = readMountinfo()): MountEntry | undefined {
  return mounts.findLast((m) => m.mountpoint === path)
}

/**
 * Where the file system `dev` is still mounted: in this mount namespace, else in one of another process we may look into.
 * @returns its mount point there and the process, 0 for ourselves; undefined if nowhere we can see
 */
export function stillMounted(dev: string): { mountpoint: Bytes, pid: number } | undefined {
  const seen = new Set<string>()
  for (const pid of ['self', ...readdirSync('/proc').filter((name) => /^\d+$/.test(name))]) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`)
      if (seen.has(namespace)) continue
      seen.add(namespace)
      const entry = parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, 'latin1')).find((m) => m.dev === dev)
      if (entry !== undefined) return { mountpoint: entry.mountpoint, pid: pid === 'self' ? 0 : Number(pid) }
    } catch {
      // It has ended, or is none of our business.
    }
  }
  return undefined
}

/** The type our mounts have in /proc/mounts. */
export const FUSE_TYPE = 'fuse.tsaufs'

/** Where a directory lies whatever mounts lead there: the file system and the path on it. */
export interface FsPlace {
  readonly dev: string
  readonly path: Bytes
}

/**
 * The place of a real path (no symbolic links in it) on its file system.
 * @param mountId stx_mnt_id of the directory
 */
export function placeOnFs(realpath: Bytes, mountId: number, mounts: readonly MountEntry[]): FsPlace | undefined {
  const mount = mounts.find((m) => m.id === mountId)
  if (mount === undefined || !contains(mount.mountpoint, realpath)) return undefined
  const below = mount.mountpoint === '/' ? realpath : realpath.slice(mount.mountpoint.length)
  const path = `${mount.root === '/' ? '' : mount.root}${below === '/' ? '' : below}`
  return { dev: mount.dev, path: path === '' ? '/' : path }
}

/** `inner` is `outer` or lies below it; both absolute and plain. */
export function contains(outer: Bytes, inner: Bytes): boolean {
  return outer === '/' || inner === outer || inner.startsWith(`${outer}/`)
}

/** A typed mount point as mountinfo has it: links above it followed, the mount itself not touched, for it may be dead. */
export function mountPlace(typed: Bytes, cwd: Bytes): Bytes {
  const path = absolute(typed, cwd)
  if (mountAt(path) !== undefined) return path
  const real = (p: Bytes): Bytes | undefined => {
    try {
      return realpathSync.native(Buffer.from(p, 'latin1'), { encoding: 'latin1' })
    } catch {
      return undefined
    }
  }
  const above = real(dirname(path))
  const beside = above === undefined ? path : absolute(path.slice(path.lastIndexOf('/') + 1), above)
  return mountAt(beside) === undefined ? real(path) ?? path : beside
}
