/**
 * Who uses files of a mount: what lsof(8) and fuser(1) look at in /proc. Only for processes that do not serve the mount:
 * a look at another's memory map may have to wait until that one's page fault was served.
 * Source: proc_pid_fdinfo(5), proc_pid_maps(5), proc_pid_mountinfo(5).
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { contains, parseMountinfo, readMountinfo, type MountEntry } from '../mountinfo.js'

/** One use of one file. */
export interface Use {
  readonly pid: number
  readonly command: Bytes
  /** st_ino of the file. */
  readonly ino: number
  readonly how: 'open' | 'mapped' | 'mapped for writing' | 'working directory' | 'root directory'
}

/** What was found, and how many processes could not be looked at. */
export interface InUse {
  readonly uses: readonly Use[]
  readonly unseen: number
}

type Found = Omit<Use, 'pid' | 'command'>

/** Mounts of one process: the ids of ours in its namespace, and where they are. */
interface Place {
  readonly ids: ReadonlySet<number>
  readonly mountpoints: readonly Bytes[]
}

const LINKS = [['cwd', 'working directory'], ['root', 'root directory']] as const

/** Look at every process but ourselves. @param dev `major:minor` of the mount */
export function inUse(dev: string): InUse {
  const uses: Use[] = []
  let unseen = 0
  const here = placeOf(dev, readMountinfo())
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!(pid > 0) || pid === process.pid) continue
    try {
      const found = usesBy(pid, dev, here)
      if (found.length === 0) continue
      const command = readFileSync(`/proc/${pid}/comm`, 'latin1').trimEnd()
      for (const use of found) uses.push({ pid, command, ...use })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES' || code === 'EPERM') unseen++
      // EINVAL: it is about to end and has no mounts any more.
      else if (code !== 'ENOENT' && code !== 'ESRCH' && code !== 'EINVAL') throw error
    }
  }
  return { uses, unseen }
}

function placeOf(dev: string, mounts: readonly MountEntry[]): Place {
  const ours = mounts.filter((mount) => mount.dev === dev)
  return { ids: new Set(ours.map(({ id }) => id)), mountpoints: ours.map(({ mountpoint }) => mountpoint) }
}

function usesBy(pid: number, dev: string, here: Place): Found[] {
  const text = readFileSync(`/proc/${pid}/mountinfo`, 'latin1')
  const theirs = placeOf(dev, text.includes(` ${dev} `) ? parseMountinfo(text) : [])
  const found = [...mapped(pid, dev), ...standsIn(pid, dev, [...theirs.mountpoints, ...here.mountpoints])]
  const ids = new Set([...theirs.ids, ...here.ids])
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const ino = inoOf(pid, fd, ids)
    if (ino > 0) found.push({ ino, how: 'open' })
  }
  return found
}

/** st_ino behind a descriptor on one of the mounts, else 0. */
function inoOf(pid: number, fd: string, ids: ReadonlySet<number>): number {
  try {
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')
    if (!ids.has(Number(/^mnt_id:\s*(\d+)/m.exec(info)?.[1]))) return 0
    const ino = /^ino:\s*(\d+)/m.exec(info)?.[1]
    // Before Linux 5.14 there is no such line.
    return ino === undefined ? statSync(`/proc/${pid}/fd/${fd}`).ino : Number(ino)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

/** Each mapped file once, and once more if what is written to the mapping goes to the file. */
function mapped(pid: number, dev: string): Found[] {
  const [major = 0, minor = 0] = dev.split(':').map(Number)
  const hex = (n: number): string => n.toString(16).padStart(2, '0')
  const found = new Map<string, Found>()
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const [, perms = '', , on, ino] = line.split(/ +/, 5)
    if (on !== `${hex(major)}:${hex(minor)}`) continue
    const how = perms[1] === 'w' && perms[3] === 's' ? 'mapped for writing' : 'mapped'
    found.set(`${ino} ${how}`, { ino: Number(ino), how })
  }
  return [...found.values()]
}

/** Working and root directory. Nothing is asked of other file systems, which might not answer. */
function standsIn(pid: number, dev: string, mountpoints: readonly Bytes[]): Found[] {
  const [major = 0, minor = 0] = dev.split(':').map(Number)
  const found: Found[] = []
  for (const [link, how] of LINKS) {
    const path = readlinkSync(`/proc/${pid}/${link}`, { encoding: 'latin1' })
    if (!mountpoints.some((mountpoint) => contains(mountpoint, path))) continue
    const stat = statSync(`/proc/${pid}/${link}`)
    if (stat.dev === makedev(major, minor)) found.push({ ino: stat.ino, how })
  }
  return found
}

/** st_dev as stat(2) gives it. Source: gnu_dev_makedev in glibc. */
function makedev(major: number, minor: number): number {
  return (major & 0xfff) * 0x100 + (minor & 0xff) + (minor >>> 8) * 0x100000
}
