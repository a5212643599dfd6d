/** Every operation, for the session. A new one is a file and a line here. */
import type { OpRow } from '../fuse/define-op.js'
import type { Union } from '../union/union.js'
import { create } from './create.js'
import { copyFileRange, copyFileRange64, fallocate, fsync, lseek, read, write } from './data.js'
import { batchForget, forget } from './forget.js'
import { getattr, statx } from './getattr.js'
import { ioctl } from './ioctl.js'
import { link } from './link.js'
import { lookup } from './lookup.js'
import { mkdir } from './mkdir.js'
import { mknod } from './mknod.js'
import { open, release } from './open.js'
import { fsyncdir, opendir, releasedir } from './opendir.js'
import { readdir, readdirplus } from './readdir.js'
import { readlink } from './readlink.js'
import { refused } from './refused.js'
import { rename, rename2 } from './rename.js'
import { rmdir } from './rmdir.js'
import { setattr } from './setattr.js'
import { statfs } from './statfs.js'
import { symlink } from './symlink.js'
import { syncfs } from './syncfs.js'
import { tmpfile } from './tmpfile.js'
import { unlink } from './unlink.js'
import { getxattr, listxattr, removexattr, setxattr } from './xattr.js'

/** A row whose argument type only it and its struct know: the session passes what the struct decoded. */
export type AnyRow = OpRow<Union, unknown>

export const rows = [
  lookup, forget, batchForget, getattr, statx, setattr, readlink, symlink, mknod, mkdir, unlink, rmdir, rename, rename2,
  link,
  open, release, create, tmpfile, read, write, lseek, fallocate, fsync, copyFileRange, copyFileRange64,
  opendir, releasedir, fsyncdir, readdir, readdirplus, getxattr, setxattr, listxattr, removexattr, statfs, ioctl, syncfs,
  ...refused,
] as unknown as readonly AnyRow[]
