/**
 * The one door to the addon. Nothing else names it; everything else in `lib/` calls `sys`.
 *
 * Every function answers `>= 0` or `-errno` and never throws for a system call's result. Names are latin1 strings: one
 * char is one byte of the name, nothing is lost. An *object* is addressed as `(dirfd, name)`: `name` is one component
 * that is never followed if it is a symbolic link; `''` means the open file `dirfd` itself, which may be O_PATH.
 *
 * Call the functions as properties (`sys.statx(...)`), never take them out: the fault tests put counting doubles there.
 */
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'

/** A file name, a symlink target or a path as bytes: latin1, one char per byte. */
export type Bytes = string

/** What readdir(2) says of a directory, without `.` and `..`, in the order of the file system. */
export interface RawListing {
  readonly names: Bytes[]
  /** Two u32 per entry: low half, high half of d_ino. */
  readonly inos: Uint32Array
  /** DT_* per entry (= S_IFMT >> 12); DT_UNKNOWN already resolved by fstatat. */
  readonly types: Uint8Array
  /** nameHash (util/name-hash.ts) per entry. */
  readonly hashes: Float64Array
  /** No name begins with `.wh.`. */
  readonly plain: boolean
}

/** Bits of `WatchEvents.whats`. */
export const Watch = {
  /** The name was made, removed or moved. */
  NAME: 1,
  /** The file was written, or closed after that. */
  DATA: 2,
  ATTRIBUTES: 4,
  /** The watched directory itself was removed or moved. */
  GONE: 8,
  /** Events were lost; the number is -1. */
  OVERFLOW: 16,
} as const

/** Events in the order they came; those of one name that follow each other are one. */
export interface WatchEvents {
  readonly numbers: Int32Array
  readonly whats: Uint32Array
  /** '' for the directory itself. */
  readonly names: Bytes[]
}

export interface Native {
  /**
   * Filled by statx(): bytes 0..87 are a `struct fuse_attr` (ino, size, blocks, atime, mtime, ctime, their nsec,
   * mode, nlink, uid, gid, rdev, blksize, flags = 0); then at 88 u32 dev_major, 92 u32 dev_minor, 96 i64 btime seconds,
   * 104 u32 btime nsec, 108 u32 stx_mask, 112 u64 stx_attributes, 120 u64 stx_attributes_mask, 128 u64 stx_mnt_id.
   * rdev in fuse_attr is the kernel's new_encode_dev 32-bit form.
   */
  readonly stat: Buffer
  /**
   * Filled by statfs(): bytes 0..79 are a `struct fuse_kstatfs`; then 80 u32 f_type, 84 u32 f_fsid[0], 88 f_fsid[1], 92
   * u32 f_flags.
   */
  readonly fsstat: Buffer
  /** errno numbers by name, O_*, AT_*, S_*, MS_*, RENAME_*, UTIME_*, ... as compiled; see constants.cc. */
  readonly constants: Readonly<Record<string, number>>
  /** sizeof of every FUSE structure the header has, by its C name without `fuse_`, e.g. `in_header`, `attr`. */
  readonly sizes: Readonly<Record<string, number>>

  // ---- names (at.cc)
  /** openat(2) with O_CLOEXEC | O_NOFOLLOW added. `mode` matters with O_CREAT only. */
  openat(dirfd: number, name: Bytes, flags: number, mode: number): number
  /**
   * openat2(2) with RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS | NO_XDEV; `path` may have many components. EXDEV at a
   * mount point.
   */
  openBeneath(dirfd: number, path: Bytes, flags: number): number
  /** Open the file behind `fd` (maybe O_PATH, maybe deleted) anew, through /proc/self/fd. */
  reopen(fd: number, flags: number): number
  close(fd: number): number
  mkdirat(dirfd: number, name: Bytes, mode: number): number
  /** `rdev` in the 32-bit form of the FUSE protocol. */
  mknodat(dirfd: number, name: Bytes, mode: number, rdev: number): number
  symlinkat(target: Bytes, dirfd: number, name: Bytes): number
  /** linkat(2); oldName '' links the open file olddirfd (O_TMPFILE, O_PATH), through /proc/self/fd. */
  linkat(olddirfd: number, oldName: Bytes, newdirfd: number, newName: Bytes): number
  unlinkat(dirfd: number, name: Bytes, flags: number): number
  renameat2(olddirfd: number, oldName: Bytes, newdirfd: number, newName: Bytes, flags: number): number
  /** Bytes of the target put into `out`. name '' works for an O_PATH fd of a symlink. */
  readlinkat(dirfd: number, name: Bytes, out: Buffer): number
  /** openat(dirfd, '.', O_TMPFILE | flags, mode). */
  tmpfile(dirfd: number, flags: number, mode: number): number

  // ---- the same as somebody else (cred.cc): fsuid, fsgid and umask are set for this thread and put back in the same
  // call; CAP_DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID and MKNOD stay (the kernel has checked the caller already), CAP_SYS_RESOURCE does not.
  mkdirAs(dirfd: number, name: Bytes, mode: number, uid: number, gid: number, umask: number): number
  mknodAs(dirfd: number, name: Bytes, mode: number, rdev: number, uid: number, gid: number, umask: number): number
  symlinkAs(target: Bytes, dirfd: number, name: Bytes, uid: number, gid: number): number
  /** O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC added. Answers the fd. */
  createAs(dirfd: number, name: Bytes, flags: number, mode: number, uid: number, gid: number, umask: number): number
  tmpfileAs(dirfd: number, flags: number, mode: number, uid: number, gid: number, umask: number): number

  // ---- attributes (stat.cc, xattr.cc)
  statx(dirfd: number, name: Bytes): number
  chmod(dirfd: number, name: Bytes, mode: number): number
  /** fchownat, not following; -1 (0xffffffff) leaves uid or gid. */
  chown(dirfd: number, name: Bytes, uid: number, gid: number): number
  /** utimensat, not following; nsec may be UTIME_NOW or UTIME_OMIT. Seconds are whole numbers, may be negative. */
  utimens(dirfd: number, name: Bytes, atimeSec: number, atimeNsec: number, mtimeSec: number, mtimeNsec: number): number
  /** Bytes of the value in `out`; an empty `out` asks for the length only. ERANGE if too small. */
  getxattr(dirfd: number, name: Bytes, key: Bytes, out: Buffer): number
  setxattr(dirfd: number, name: Bytes, key: Bytes, value: Buffer, flags: number): number
  /** NUL-separated keys in `out`, as listxattr(2). */
  listxattr(dirfd: number, name: Bytes, out: Buffer): number
  removexattr(dirfd: number, name: Bytes, key: Bytes): number
  statfs(fd: number): number
  /** ioctl(2) with a buffer that is read and written in place (FS_IOC_GETFLAGS and kin). */
  ioctl(fd: number, cmd: number, inout: Buffer): number

  // ---- directories (dir.cc)
  /** List the directory `dirfd` (O_PATH will do: it is opened anew). */
  readdir(dirfd: number): RawListing | number

  // ---- columns of a merged directory (rows.cc, listing.ts)
  /**
   * Enter a branch directory's entries as rows from `row` on; `same` gets 0, or for one whose offset a row has already that
   * row + 1. @returns how many were entered
   */
  putRows(
    index: Int32Array, offsets: Float64Array, branches: Uint16Array, types: Uint8Array, inos: Uint32Array, row: number, branch: number,
    hashes: Float64Array, itsTypes: Uint8Array, itsInos: Uint32Array, same: Int32Array,
  ): number
  /** The rows that have an entry, by offset, as many as `order` holds. @returns 1 if some have the same offset, else 0 */
  sortRows(offsets: Float64Array, branches: Uint16Array, rows: number, order: Int32Array): number
  /** READDIR records of plain rows of `branch` from `place` on. @returns bytes; `done[0]` gets how many rows */
  packRows(
    names: readonly Bytes[], offsets: Float64Array, branches: Uint16Array, types: Uint8Array, order: Int32Array,
    out: Buffer, at: number, limit: number, place: number, branch: number, base: number, inos: Uint32Array, done: Uint32Array,
  ): number
  /**
   * READDIRPLUS records, to be kept for ever, of plain rows that are files with one name; nodeid and generation are left 0.
   * @returns how many rows; `found` gets for each the place of its record and the halves of its inode number, then the place of
   *   the next record
   */
  packRowsPlus(
    names: readonly Bytes[], offsets: Float64Array, branches: Uint16Array, types: Uint8Array, order: Int32Array,
    out: Buffer, at: number, limit: number, place: number, branch: number, base: number, dirfd: number, found: Uint32Array,
  ): number

  // ---- open files (copy.cc)
  ftruncate(fd: number, size: number): number
  fsync(fd: number, dataOnly: number): number
  syncfs(fd: number): number
  flock(fd: number, operation: number): number
  /**
   * Copy the first `size` bytes of src to the empty file dst: FICLONE, else by extents with copy_file_range, else
   * read/write; holes stay holes. Ends with ftruncate(size).
   */
  copyData(src: number, dst: number, size: number): number
  /** The same on a worker thread; `done(rc)` is called from the event loop. Neither fd is closed. */
  copyDataAsync(src: number, dst: number, size: number, done: (rc: number) => void): number

  // ---- mounts and the process (mount.cc, process.cc)
  mount(source: Bytes, target: Bytes, fstype: Bytes, flags: number, data: Bytes): number
  umount(target: Bytes, flags: number): number
  /**
   * A private, detached clone of the mount at `path` (open_tree(2), not recursive: mounts below do not appear in it),
   * made noatime, and read-only if asked; the fd is an O_PATH directory and keeps the clone alive. EPERM without CAP_SYS_ADMIN.
   */
  cloneMount(path: Bytes, readOnly: number): number
  /**
   * Run fusermount3 (argv[0]) with _FUSE_COMMFD and answer the /dev/fuse fd it sends; -errno, or -EPERM if it ended
   * without one. Its stderr is ours.
   */
  fusermount(argv: Bytes[]): number
  /**
   * Raise RLIMIT_NOFILE to its hard limit, RLIMIT_FSIZE and RLIMIT_CORE as may be; ignore SIGXFSZ and SIGPIPE. Answers
   * the new NOFILE limit.
   */
  prepareProcess(): number
  /** umask(2). */
  umask(mask: number): number
  /** Mark every fd >= first close-on-exec (flag 1) or close it (flag 0). */
  closeFrom(first: number, cloexec: number): number
  setsid(): number
  /** Become the program argv[0] (a path), with stdio and nothing else open; comes back with -errno only. */
  exec(argv: Bytes[]): number

  // ---- sockets of the spare daemon (socket.cc)
  /** A unix socket for our user alone, bound at `temporary` and renamed to `path`. Answers the listening fd. */
  listenAt(temporary: Bytes, path: Bytes): number
  /**
   * Block until a client connects. Answers his fd (reads on it give up after 300 ms), -ETIMEDOUT, or -EINTR after SIGTERM,
   * SIGINT or SIGHUP, which do nothing else meanwhile.
   */
  acceptWithin(server: number, timeoutMs: number): number
  /** The process at the other end of a unix socket; EPERM when it belongs to another user. */
  peerPid(socket: number): number
  /**
   * This process ends, as by SIGKILL, when the other end of the socket does, whatever it is doing then. That end has said all it will say:
   * a byte from there is taken for its end.
   */
  endWith(socket: number): number
  /** The fd that comes with the next byte; EPERM when the other end closed, or sent a byte, without one. */
  receiveFd(socket: number): number
  /** Two connected unix sockets that keep messages apart (SOCK_SEQPACKET): their numbers are put into `pair`, as two u32. */
  messagePair(pair: Buffer): number

  dumpable(on: number): number

  // ---- cgroup v2 (bpf.cc)
  /**
   * Have a BPF program of the cgroup-device type, given as its instructions, asked about every device that processes of the
   * group (an open directory of cgroup v2) open or make; it stays until the group is removed. EINVAL, EACCES: the kernel
   * does not take the program; EPERM without CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN.
   */
  confineDevices(group: number, instructions: Buffer): number

  /** malloc_trim(3): free memory goes back to the kernel, of all threads. */
  trimMemory(): number

  // ---- /dev/fuse and the data plane (fuse-dev.cc, data-plane.cc)
  /**
   * Take `fd` (/dev/fuse, mounted) for this process. Requests for JavaScript are put into `request`, replies are taken from
   * `reply`; `request` must hold max_write + 4096 bytes. One per process. The fd is made non-blocking.
   */
  fuseAttach(fd: number, request: Buffer, reply: Buffer): number
  /**
   * The turn: write the first `replyLength` bytes of `reply` (0: none; ENOENT of an interrupted request is ignored), then
   * get the next request. READ, WRITE, FSYNC, LSEEK, FALLOCATE, COPY_FILE_RANGE on nodes in the data table are served
   * here without coming back, and what attrServe() tells of. Answers the length of a request, 0 when libuv's loop has work (yield once, then call
   * again), -ENODEV when unmounted.
   */
  fuseTurn(replyLength: number): number
  /** Take an open /dev/cpu_dma_latency: with it the turn keeps idle processors awake while requests come in quick succession. */
  fuseAwake(latencyFd: number): number
  /** Write a reply (or a notification, unique 0) at once. */
  fuseWrite(message: Buffer, length: number): number
  /**
   * Write notifications, whole messages one behind the other, by a thread of its own: for those that make their writer
   * wait (fuse/notify.ts). `done(rc)` is called from the event loop: 0, or the first error but ENOENT. -ENODEV when
   * unmounted: then `done` is not called.
   */
  fuseNotify(messages: Buffer, done: (rc: number) => void): number
  /**
   * Serve the data request in `message` from the data table, as the turn would. 0: taken, the reply is or will be
   * written; -ENOENT: node not in the table, or not writable.
   */
  fuseServe(message: Buffer, length: number): number
  /**
   * Put a file into the data table; the table owns `fd` and closes what it replaces once no job uses it. When full it
   * evicts what was not used lately and is not pinned.
   */
  dataSet(nodeid: number, fd: number, writable: number, pinned: number): number
  /** The table's fd for a node (still the table's), or -ENOENT. */
  dataFd(nodeid: number, writable: number): number
  dataDrop(nodeid: number): number
  /** Close unpinned entries not used since the last sweep. Answers how many entries are left. */
  dataSweep(): number
  /** How many jobs are writing to the node's file, whether the table still has it or not. */
  dataWriters(nodeid: number): number
  /**
   * From now on a WRITE, FALLOCATE or COPY_FILE_RANGE that fails with ENOSPC or EDQUOT is not answered: `full` is called
   * from the event loop with the request and -errno. It keeps no process alive. For good.
   */
  dataHandBack(full: (message: Buffer, error: number) => void): number
  /** How many files the data table may hold (set at start from RLIMIT_NOFILE). */
  dataLimit(max: number): number
  /**
   * GETATTR of directory `nodeid` is answered by the turn from now on: with the attributes of `fd`, which stays the caller's,
   * but for the inode number, and the link count unless `nlink` is -1; good for ever.
   */
  attrServe(nodeid: number, fd: number, ino: number, nlink: number): number
  /** It is not any more. -ENOENT: it was not. */
  attrForget(nodeid: number): number
  /** Whether (1, as at start) the turn answers GETXATTR of security.capability for files of the data table; 0: never. */
  attrCapability(on: number): number

  // ---- owner, mode and device in an extended attribute (stored-stat.cc)
  /**
   * What lies on mount `mntId` (stx_mnt_id) keeps them in `key`: statx, chmod, chown and all that makes something go by that from
   * now on. Called again for one mount, it adds a key that is read where the first one is not there.
   */
  storedStat(mntId: number, key: Bytes): number
  /** No mount does, as at start. */
  noStoredStat(): number

  // ---- watches on directories (watch.cc): one group per process
  /**
   * Begin: `kind` 1 is fanotify(7) with directory handles and names (Linux 5.9, unprivileged 5.13), 2 inotify(7). `wake` is
   * called from the event loop while there is something to read.
   */
  watchOpen(kind: number, wake: () => void): number
  /**
   * Watch a directory and its entries. Answers a number for what watchRead() tells of it, the same for the same directory.
   * ENOSPC: too many; EOPNOTSUPP, ENODEV, EXDEV: not on this file system.
   */
  watchAdd(dirfd: number): number
  /** No longer. `dirfd` is the directory, -1 if it cannot be opened any more. */
  watchRemove(number: number, dirfd: number): number
  /** What has happened, without what this process did if that can be told (fanotify); 0 when nothing has. */
  watchRead(): WatchEvents | number
  watchClose(): number
  /** FUSE_DEV_IOC_BACKING_OPEN: the backing id (> 0) of `fd`. */
  backingOpen(fd: number): number
  backingClose(id: number): number
}

function findAddon(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir)
  for (const kind of ['Debug', 'Release']) {
    const file = join(dir, 'build', kind, 'tsaufs.node')
    if (existsSync(file)) return file
  }
  throw new Error(`the native addon is not built: run "npm run build:native" in ${dir}`)
}

const addon = findAddon()

/** The addon. */
export const sys = createRequire(import.meta.url)(addon) as Native

/** The program that starts daemons (native/start), built beside the addon. */
export const STARTER: Bytes = Buffer.from(join(dirname(addon), 'tsaufs-start')).toString('latin1')
