/**
 * Numbers of the FUSE protocol, in the order of include/uapi/linux/fuse.h, protocol 7.45. The `FUSE_` of the C names is
 * left out, the rest is kept. Nothing here is code: what was settled with the kernel is in `negotiate.ts`.
 */

/** FUSE_KERNEL_VERSION: the only major there has been since 2005. */
export const MAJOR = 7
/** The newest minor we know; the smaller one of ours and the kernel's is spoken. */
export const MINOR = 45
/** Oldest minor we serve: 7.23 (Linux 3.15) is the first with a 64-byte fuse_init_out and RENAME2. */
export const MINOR_MIN = 23

/** FUSE_ROOT_ID. */
export const ROOT_ID = 1

/** sizeof(struct fuse_in_header). */
export const IN_HEADER_SIZE = 40
/** sizeof(struct fuse_out_header). */
export const OUT_HEADER_SIZE = 16

/** Bits of fuse_setattr_in.valid. */
export const Fattr = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const

/** Flags answered by OPEN, OPENDIR and CREATE. */
export const Fopen = {
  /** Bypass the page cache for this open file. */
  DIRECT_IO: 1 << 0,
  /** Keep the data cached from before this open. */
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  /** The entries of this directory may be cached. */
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  /** No FLUSH at close (unless WRITEBACK_CACHE). */
  NOFLUSH: 1 << 5,
  PARALLEL_DIRECT_WRITES: 1 << 6,
  /** 7.40: read and write go to the file behind fuse_open_out.backing_id. */
  PASSTHROUGH: 1 << 7,
} as const

/**
 * INIT flags as plain numbers, bits 0..42: combine them with `flagSet` of negotiate.ts, not with `|`, which ends at 32 bits.
 * Bits 32 and up travel in flags2 and want INIT_EXT, which the negotiation adds.
 */
export const InitFlag = {
  ASYNC_READ: 2 ** 0,
  POSIX_LOCKS: 2 ** 1,
  FILE_OPS: 2 ** 2,
  ATOMIC_O_TRUNC: 2 ** 3,
  EXPORT_SUPPORT: 2 ** 4,
  BIG_WRITES: 2 ** 5,
  DONT_MASK: 2 ** 6,
  SPLICE_WRITE: 2 ** 7,
  SPLICE_MOVE: 2 ** 8,
  SPLICE_READ: 2 ** 9,
  FLOCK_LOCKS: 2 ** 10,
  HAS_IOCTL_DIR: 2 ** 11,
  AUTO_INVAL_DATA: 2 ** 12,
  DO_READDIRPLUS: 2 ** 13,
  READDIRPLUS_AUTO: 2 ** 14,
  ASYNC_DIO: 2 ** 15,
  WRITEBACK_CACHE: 2 ** 16,
  NO_OPEN_SUPPORT: 2 ** 17,
  PARALLEL_DIROPS: 2 ** 18,
  HANDLE_KILLPRIV: 2 ** 19,
  POSIX_ACL: 2 ** 20,
  ABORT_ERROR: 2 ** 21,
  MAX_PAGES: 2 ** 22,
  CACHE_SYMLINKS: 2 ** 23,
  NO_OPENDIR_SUPPORT: 2 ** 24,
  EXPLICIT_INVAL_DATA: 2 ** 25,
  MAP_ALIGNMENT: 2 ** 26,
  SUBMOUNTS: 2 ** 27,
  HANDLE_KILLPRIV_V2: 2 ** 28,
  SETXATTR_EXT: 2 ** 29,
  INIT_EXT: 2 ** 30,
  INIT_RESERVED: 2 ** 31,
  SECURITY_CTX: 2 ** 32,
  HAS_INODE_DAX: 2 ** 33,
  CREATE_SUPP_GROUP: 2 ** 34,
  HAS_EXPIRE_ONLY: 2 ** 35,
  DIRECT_IO_ALLOW_MMAP: 2 ** 36,
  PASSTHROUGH: 2 ** 37,
  NO_EXPORT_SUPPORT: 2 ** 38,
  HAS_RESEND: 2 ** 39,
  ALLOW_IDMAP: 2 ** 40,
  OVER_IO_URING: 2 ** 41,
  REQUEST_TIMEOUT: 2 ** 42,
} as const

/** fuse_release_in.release_flags. */
export const ReleaseFlag = { FLUSH: 1 << 0, FLOCK_UNLOCK: 1 << 1 } as const

/** fuse_getattr_in.getattr_flags (and fuse_statx_in's): the `fh` field is valid. */
export const GetattrFlag = { FH: 1 << 0 } as const

/** fuse_lk_in.lk_flags: flock(2) rather than fcntl(2). */
export const LkFlag = { FLOCK: 1 << 0 } as const

/** fuse_write_in.write_flags. */
export const WriteFlag = {
  /** Written back from the page cache: the file handle is guessed, the writer unknown. */
  CACHE: 1 << 0,
  LOCKOWNER: 1 << 1,
  KILL_SUIDGID: 1 << 2,
} as const

/** fuse_read_in.read_flags. */
export const ReadFlag = { LOCKOWNER: 1 << 1 } as const

/** fuse_ioctl_in.flags and fuse_ioctl_out.flags. */
export const IoctlFlag = {
  COMPAT: 1 << 0,
  UNRESTRICTED: 1 << 1,
  RETRY: 1 << 2,
  BITS_32: 1 << 3,
  DIR: 1 << 4,
  COMPAT_X32: 1 << 5,
} as const

/** fuse_poll_in.flags. */
export const PollFlag = { SCHEDULE_NOTIFY: 1 << 0 } as const

/** fuse_fsync_in.fsync_flags: data only, as fdatasync(2). */
export const FsyncFlag = { FDATASYNC: 1 << 0 } as const

/** fuse_attr.flags. */
export const AttrFlag = { SUBMOUNT: 1 << 0, DAX: 1 << 1 } as const

/** fuse_open_in.open_flags: kill setuid and setgid (O_TRUNC under HANDLE_KILLPRIV_V2). */
export const OpenFlag = { KILL_SUIDGID: 1 << 0 } as const

/** fuse_setxattr_in.setxattr_flags: clear S_ISGID together with system.posix_acl_access. */
export const SetxattrFlag = { ACL_KILL_SGID: 1 << 0 } as const

/** fuse_notify_inval_entry_out.flags: the entry is looked up anew at its next use, but stays. */
export const InvalEntryFlag = { EXPIRE_ONLY: 1 << 0 } as const

/** Types of extension; 0..31 is the number of security contexts in a fuse_secctx_header. */
export const ExtType = { MAX_NR_SECCTX: 31, GROUPS: 32 } as const

export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  /** 7.39 */
  STATX: 52,
  /** 7.45 */
  COPY_FILE_RANGE_64: 53,
} as const

/** First number no opcode we know has. */
export const OPCODE_END = 54

/** fuse_out_header.error of a message with unique 0, which is a notification. */
export const NotifyCode = {
  POLL: 1,
  INVAL_INODE: 2,
  INVAL_ENTRY: 3,
  STORE: 4,
  RETRIEVE: 5,
  DELETE: 6,
  RESEND: 7,
  INC_EPOCH: 8,
  PRUNE: 9,
} as const

/** Smallest read buffer the kernel accepts. */
export const MIN_READ_BUFFER = 8192

/** Longest name the kernel accepts in a listing (FUSE_NAME_MAX of fs/fuse/fuse_i.h). */
export const NAME_MAX = 1024
