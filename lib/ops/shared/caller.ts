/**
 * Who the caller is. The request itself says it only where something is made (ops/init.ts, ALLOW_IDMAP); otherwise it is
 * asked of /proc. Of one that we cannot look at nothing is known: killed while it waits for us, hidden (hidepid), or of another
 * pid namespace, and then its number is 0. Source: proc(5).
 */
import { fsuidIn, statusOf } from '../../os/caller.js'

const CAP_FOWNER = 1n << 3n
const CAP_FSETID = 1n << 4n
const CAP_SYS_ADMIN = 1n << 21n

function has(status: string, capability: bigint): boolean {
  const capabilities = /^CapEff:\t([0-9a-f]+)/m.exec(status)?.[1] ?? '0'
  return (BigInt(`0x${capabilities}`) & capability) !== 0n
}

/** The user a process acts as on files, in our user namespace's numbers; -1 if it is not known. */
export function callerUid(pid: number): number {
  return fsuidIn(statusOf(pid))
}

/** May this process see `trusted.*` attributes: root with CAP_SYS_ADMIN? Source: xattr(7). */
export function isAdministrator(pid: number): boolean {
  const text = statusOf(pid)
  return fsuidIn(text) === 0 && has(text, CAP_SYS_ADMIN)
}

/** May this process change what only the owner `uid` may? Of one that is not known nothing is held against it. */
export function actsAsOwner(pid: number, uid: number): boolean {
  const text = statusOf(pid)
  return text === '' || fsuidIn(text) === uid || has(text, CAP_FOWNER)
}

/**
 * May a file of group `gid` keep setgid where the group may not execute it, when this process changes it: being of the group, or
 * with CAP_FSETID? Of one that is not known nothing is held against it. Source: setattr_should_drop_sgid in fs/attr.c.
 */
export function keepsSetgid(pid: number, gid: number): boolean {
  const text = statusOf(pid)
  const own = /^Gid:(?:\t\d+){3}\t(\d+)$/m.exec(text)?.[1]
  const others = /^Groups:\t(.*)$/m.exec(text)?.[1]?.split(' ') ?? []
  return text === '' || [own, ...others].includes(String(gid)) || has(text, CAP_FSETID)
}
