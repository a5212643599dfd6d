/** Owners between the mount and the branches: the same ids, unless the mount maps them (union/owners.ts). */
import { Errno, E } from '../../os/errno.js'
import type { Request } from '../../fuse/define-op.js'
import type { Union } from '../../union/union.js'

/** Owner, on the branch, of what the request's caller makes. */
export function ownerUid(union: Union, req: Request): number {
  return union.owners === null ? req.uid : union.owners.uids.makerOnDisk(req.uid)
}

/** Group, on the branch, of what the request's caller makes. */
export function ownerGid(union: Union, req: Request): number {
  return union.owners === null ? req.gid : union.owners.gids.makerOnDisk(req.gid)
}

/** An id for chown(2) as the branch has it. @throws Errno EINVAL when no id there is shown as this one */
export function givenUid(union: Union, uid: number): number {
  return union.owners === null ? uid : known(union.owners.uids.onDisk(uid))
}

/** The same for a group. */
export function givenGid(union: Union, gid: number): number {
  return union.owners === null ? gid : known(union.owners.gids.onDisk(gid))
}

/** The user that an owner on the branch is shown as. */
export function shownUid(union: Union, uid: number): number {
  return union.owners === null ? uid : union.owners.uids.owner(uid)
}

/** The same for a group. */
export function shownGid(union: Union, gid: number): number {
  return union.owners === null ? gid : union.owners.gids.owner(gid)
}

function known(id: number): number {
  if (id < 0) throw new Errno(E.EINVAL, 'chown', '')
  return id
}
