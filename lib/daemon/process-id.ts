/**
 * Who a process is, beyond its numbers: pids are used again, uids mean something else in a user namespace.
 */
import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Start time of a process in clock ticks since boot, as text; undefined when there is none (or it is only a zombie).
 * Source: proc_pid_stat(5), field 22.
 */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold anything, so fields are counted after its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** The process of a thread, as the kernel numbers them in a request; undefined when it is gone. Source: proc_pid_status(5). */
export function processOf(thread: number): number | undefined {
  try {
    const id = /^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'latin1'))?.[1]
    return id === undefined ? undefined : Number(id)
  } catch {
    return undefined
  }
}

/** A process or thread is in our namespace of this kind, a name in /proc/PID/ns. */
export function sharesNamespace(thread: number, name: string): boolean {
  try {
    return readlinkSync(`/proc/${thread}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`)
  } catch {
    return false
  }
}

/** `0 0 4294967295`: everybody is himself. */
const IDENTITY = /^\s*0\s+0\s+4294967295\s*$/

function mapText(file: 'uid_map' | 'gid_map'): string {
  try {
    return readFileSync(`/proc/self/${file}`, 'latin1')
  } catch {
    return ''
  }
}

/** Lines of this user namespace's map: the first id inside, the first outside, how many. */
export function idMap(file: 'uid_map' | 'gid_map'): number[][] {
  return mapText(file).split('\n').filter((line) => line !== '').map((line) => line.trim().split(/\s+/).map(Number))
}

/** This process is in the first user namespace, where root is root. */
export function inFirstUserNamespace(): boolean {
  return IDENTITY.test(mapText('uid_map'))
}

/** This process is root of the machine: not an ordinary user, nor root of a user namespace only. */
export function isMachineRoot(): boolean {
  return process.geteuid?.() === 0 && inFirstUserNamespace()
}

/** The group exists in this user namespace. */
export function hasGroup(gid: number): boolean {
  return idMap('gid_map').some(([inside = NaN, , count = NaN]) => gid >= inside && gid < inside + count)
}

/** The uid outside of this user namespace that `uid` stands for, else `uid` itself. Source: user_namespaces(7). */
export function userOutside(uid: number): number {
  for (const [inside = NaN, outside = NaN, count = NaN] of idMap('uid_map')) {
    if (uid >= inside && uid < inside + count) return outside + (uid - inside)
  }
  return uid
}
