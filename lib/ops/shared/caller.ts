/**
 * Who the caller is. The request itself says it only where something is made (ops/init.ts, ALLOW_IDMAP); otherwise it is
 * asked of /proc. Of one that we cannot look at nothing is known: killed while it waits for us, hidden (hidepid), or of another
 * pid namespace, and then its number is 0. Source: proc(5).
 */
import { fsuidIn, statusOf } from '../../os/caller.js'

const CAP_SYS_ADMIN = 1n << 21n

/** The user a process acts as on files, in our user namespace's numbers; -1 if it is not known. */
export function callerUid(pid: number): number {
  return fsuidIn(statusOf(pid))
}

/** May this process see `trusted.*` attributes: root with CAP_SYS_ADMIN? Source: xattr(7). */
export function isAdministrator(pid: number): boolean {
  const text = statusOf(pid)
  const capabilities = /^CapEff:\t([0-9a-f]+)/m.exec(text)?.[1] ?? '0'
  return fsuidIn(text) === 0 && (BigInt(`0x${capabilities}`) & CAP_SYS_ADMIN) !== 0n
}
