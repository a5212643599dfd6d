/**
 * SETATTR: chmod, chown, truncate and utimes, any of them at once. Copies up first; a truncation copies only what stays.
 * Source: chmod(2), chown(2), truncate(2), utimensat(2); fuse_do_setattr in fs/fuse/dir.c.
 */
import { sys } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFLNK, S_IFMT, S_IFREG, st, takeMeta, type Meta } from '../os/stat.js'
import { defineOp, type Request } from '../fuse/define-op.js'
import { Fattr, Opcode } from '../fuse/abi.js'
import { SetattrIn } from '../fuse/structs.js'
import { copyUp } from '../union/copy-up.js'
import { ensureData } from '../union/data.js'
import type { Node } from '../union/node.js'
import { place, type Place } from '../union/place.js'
import type { Union } from '../union/union.js'
import { attrReply } from './shared/entry-reply.js'
import { actsAsOwner, keepsSetgid } from './shared/caller.js'
import { givenGid, givenUid, shownGid, shownUid } from './shared/owner.js'

const { UTIME_NOW, UTIME_OMIT } = sys.constants as Readonly<Record<'UTIME_NOW' | 'UTIME_OMIT', number>>
const CHANGES = Fattr.MODE | Fattr.UID | Fattr.GID | Fattr.SIZE | Fattr.ATIME | Fattr.MTIME
const UNCHANGED = 0xffffffff
const S_ISUID = 0o4000
const S_ISGID = 0o2000
const S_IXGRP = 0o010
/** Groups and ACLs too, whose mask is the group's part. */
const OTHERS_WRITE = 0o022

/** The special bits of a mode that a change by this process takes away; `gid` is the file's on the branch. */
function killed(union: Union, pid: number, mode: number, gid: number): number {
  const setgid = mode & S_ISGID
  const drops = setgid !== 0 && ((mode & S_IXGRP) !== 0 || !keepsSetgid(pid, shownGid(union, gid)))
  return (mode & S_ISUID) | (drops ? setgid : 0)
}

/** Take suid away, and sgid from what its group may execute or another group's process changes: a write without CAP_FSETID. */
export function killPrivilege(union: Union, req: Request, at: Place): void {
  must(sys.statx(at.dirfd, at.name), 'statx', at.name)
  const mode = st.mode & 0o7777
  const kept = mode & ~killed(union, req.pid, mode, st.gid)
  if (kept !== mode) must(sys.chmod(at.dirfd, at.name, kept), 'fchmodat', at.name)
}

/**
 * Without any bit comes chown(2) with neither id, which anybody may where no suid goes by it, and what goes before fallocate(2)
 * and the like; those have opened the file for writing.
 * @throws Errno EPERM for somebody who may neither
 */
function checkKill(union: Union, req: Request, node: Node): void {
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', node.name)
  const { mode, uid, gid } = st
  if ((mode & S_IFMT) !== S_IFREG || (mode & OTHERS_WRITE) !== 0 || killed(union, req.pid, mode, gid) === 0) return
  if (!actsAsOwner(req.pid, shownUid(union, uid))) throw new Errno(E.EPERM, 'chown', node.name)
}

function truncate(union: Union, node: Node, size: number): void {
  ensureData(union, node, true)
  must(sys.ftruncate(sys.dataFd(node.id, 1), size), 'ftruncate', node.name)
}

/** Nanoseconds field for utimensat(2). */
function nsecFor(valid: number, set: number, now: number, nsec: number): number {
  if ((valid & set) === 0) return UTIME_OMIT
  return (valid & now) !== 0 ? UTIME_NOW : nsec
}

type Arg = ReturnType<typeof SetattrIn.decode>

/** The owner to set, as the branch has it. */
interface Owner {
  readonly uid: number
  readonly gid: number
}

/** @throws Errno EINVAL for ids that the mount does not map */
function givenOwner(union: Union, { valid, uid, gid }: Arg): Owner {
  return {
    uid: (valid & Fattr.UID) !== 0 ? givenUid(union, uid) : UNCHANGED,
    gid: (valid & Fattr.GID) !== 0 ? givenGid(union, gid) : UNCHANGED,
  }
}

/** Owner, mode and times: what can be taken back. */
function change(node: Node, at: Place, arg: Arg, owner: Owner): void {
  const { valid } = arg
  // chown(2) with neither arrives without any bit, and still changes ctime and takes suid away.
  if ((valid & (Fattr.UID | Fattr.GID)) !== 0 || (valid & CHANGES) === 0) {
    must(sys.chown(at.dirfd, at.name, owner.uid, owner.gid), 'fchownat', node.name)
  }
  if ((valid & Fattr.MODE) !== 0) must(sys.chmod(at.dirfd, at.name, arg.mode & 0o7777), 'fchmodat', node.name)
  if ((valid & (Fattr.ATIME | Fattr.MTIME)) !== 0) {
    const atimeNsec = nsecFor(valid, Fattr.ATIME, Fattr.ATIME_NOW, arg.atimensec)
    const mtimeNsec = nsecFor(valid, Fattr.MTIME, Fattr.MTIME_NOW, arg.mtimensec)
    must(sys.utimens(at.dirfd, at.name, arg.atime, atimeNsec, arg.mtime, mtimeNsec), 'utimensat', node.name)
  }
}

/** A changed owner takes setgid away also where the group may not execute. */
function dropSetgid(union: Union, req: Request, at: Place, { mode, gid }: Meta): void {
  if (!keepsSetgid(req.pid, shownGid(union, gid))) must(sys.chmod(at.dirfd, at.name, mode & 0o7777 & ~(S_ISUID | S_ISGID)), 'fchmodat', at.name)
}

/** Put owner, mode and times back after a change that went half through. */
function restore(at: Place, node: Node, { uid, gid, mode, atime, atimeNsec, mtime, mtimeNsec }: Meta): void {
  sys.chown(at.dirfd, at.name, uid, gid)
  if (node.kind !== S_IFLNK) sys.chmod(at.dirfd, at.name, mode & 0o7777)
  sys.utimens(at.dirfd, at.name, atime, atimeNsec, mtime, mtimeNsec)
}

export const setattr = defineOp({
  opcode: Opcode.SETATTR, name: 'SETATTR', in: SetattrIn, names: 0,
  run(union: Union, req, arg) {
    const node = union.tree.node(req.nodeid)
    const { valid } = arg
    const resizes = (valid & Fattr.SIZE) !== 0
    if (resizes && node.kind !== S_IFREG) throw new Errno(E.EINVAL, 'truncate', node.name)
    if (resizes && !Number.isSafeInteger(arg.size)) throw new Errno(E.EFBIG, 'truncate', node.name)
    if (!Number.isSafeInteger(arg.atime) || !Number.isSafeInteger(arg.mtime)) {
      throw new Errno(E.EINVAL, 'utimensat', node.name)
    }
    const owner = givenOwner(union, arg)
    if ((valid & CHANGES) === 0) checkKill(union, req, node)
    const copied = copyUp(union, node, resizes ? arg.size : Infinity)
    // A file that gets suid must not be passed through any more.
    if ((valid & Fattr.MODE) !== 0) union.passthrough.letGo(node)
    const at = place(union, node)
    if (copied === null) must(sys.statx(at.dirfd, at.name), 'statx', node.name)
    const old = copied ?? takeMeta()
    if (resizes) {
      truncate(union, node, arg.size)
      if ((valid & Fattr.KILL_SUIDGID) !== 0) killPrivilege(union, req, at)
    }
    try {
      change(node, at, arg, owner)
      // Of group and capabilities chown(2) saw ours.
      const chowned = (valid & (Fattr.UID | Fattr.GID)) !== 0 || (valid & CHANGES) === 0
      if (chowned && (old.mode & (S_ISGID | S_IXGRP)) === S_ISGID && node.kind === S_IFREG) dropSetgid(union, req, at, old)
      return attrReply(union, req, node)
    } catch (error) {
      if (!resizes) restore(at, node, old)
      throw error
    }
  },
})
