/** Who has a file open, as far as this process may look. */
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import type { Bytes } from '../os/native.js'

/** Processes that have the file at `path` open, by a descriptor below `mountpoint`; others' only for root. */
export function openBy(path: Bytes, mountpoint: Bytes): number[] {
  const { dev, ino } = statSync(Buffer.from(path, 'latin1'), { bigint: true })
  return readdirSync('/proc').map(Number).filter((pid) => pid > 0 && holds(pid, dev, ino, mountpoint))
}

function holds(pid: number, dev: bigint, ino: bigint, mountpoint: Bytes): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const link = `/proc/${pid}/fd/${fd}`
      // Nothing but our own mount is touched.
      if (!readlinkSync(link, { encoding: 'latin1' }).startsWith(mountpoint)) return false
      const stat = statSync(link, { bigint: true })
      return stat.dev === dev && stat.ino === ino
    })
  } catch {
    // It has ended, or is none of our business.
    return false
  }
}
