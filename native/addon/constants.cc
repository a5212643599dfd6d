/** Numbers as compiled: nothing of this is typed into TypeScript by hand. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "families.h"
#include "fuse-abi.h"

namespace {

struct Constant {
  const char* name;
  double value;
};

// clang-format off
#define N(name) {#name, static_cast<double>(name)}
const Constant constants[] = {
    // errno; an alias comes after the name it repeats
    N(EPERM), N(ENOENT), N(ESRCH), N(EINTR), N(EIO), N(ENXIO), N(E2BIG), N(ENOEXEC), N(EBADF), N(ECHILD), N(EAGAIN),
    N(ENOMEM), N(EACCES), N(EFAULT), N(ENOTBLK), N(EBUSY), N(EEXIST), N(EXDEV), N(ENODEV), N(ENOTDIR), N(EISDIR),
    N(EINVAL), N(ENFILE), N(EMFILE), N(ENOTTY), N(ETXTBSY), N(EFBIG), N(ENOSPC), N(ESPIPE), N(EROFS), N(EMLINK),
    N(EPIPE), N(EDOM), N(ERANGE), N(EDEADLK), N(ENAMETOOLONG), N(ENOLCK), N(ENOSYS), N(ENOTEMPTY), N(ELOOP),
    N(ENOMSG), N(EIDRM), N(ECHRNG), N(EL2NSYNC), N(EL3HLT), N(EL3RST), N(ELNRNG), N(EUNATCH), N(ENOCSI), N(EL2HLT),
    N(EBADE), N(EBADR), N(EXFULL), N(ENOANO), N(EBADRQC), N(EBADSLT), N(EBFONT), N(ENOSTR), N(ENODATA), N(ETIME),
    N(ENOSR), N(ENONET), N(ENOPKG), N(EREMOTE), N(ENOLINK), N(EADV), N(ESRMNT), N(ECOMM), N(EPROTO), N(EMULTIHOP),
    N(EDOTDOT), N(EBADMSG), N(EOVERFLOW), N(ENOTUNIQ), N(EBADFD), N(EREMCHG), N(ELIBACC), N(ELIBBAD), N(ELIBSCN),
    N(ELIBMAX), N(ELIBEXEC), N(EILSEQ), N(ERESTART), N(ESTRPIPE), N(EUSERS), N(ENOTSOCK), N(EDESTADDRREQ),
    N(EMSGSIZE), N(EPROTOTYPE), N(ENOPROTOOPT), N(EPROTONOSUPPORT), N(ESOCKTNOSUPPORT), N(EOPNOTSUPP),
    N(EPFNOSUPPORT), N(EAFNOSUPPORT), N(EADDRINUSE), N(EADDRNOTAVAIL), N(ENETDOWN), N(ENETUNREACH), N(ENETRESET),
    N(ECONNABORTED), N(ECONNRESET), N(ENOBUFS), N(EISCONN), N(ENOTCONN), N(ESHUTDOWN), N(ETOOMANYREFS), N(ETIMEDOUT),
    N(ECONNREFUSED), N(EHOSTDOWN), N(EHOSTUNREACH), N(EALREADY), N(EINPROGRESS), N(ESTALE), N(EUCLEAN), N(ENOTNAM),
    N(ENAVAIL), N(EISNAM), N(EREMOTEIO), N(EDQUOT), N(ENOMEDIUM), N(EMEDIUMTYPE), N(ECANCELED), N(ENOKEY),
    N(EKEYEXPIRED), N(EKEYREVOKED), N(EKEYREJECTED), N(EOWNERDEAD), N(ENOTRECOVERABLE), N(ERFKILL), N(EHWPOISON),
    N(EWOULDBLOCK), N(EDEADLOCK), N(ENOTSUP),
    // open(2)
    N(O_RDONLY), N(O_WRONLY), N(O_RDWR), N(O_ACCMODE), N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND),
    N(O_NONBLOCK), N(O_DSYNC), N(O_SYNC), N(O_ASYNC), N(O_DIRECT), N(O_LARGEFILE), N(O_DIRECTORY), N(O_NOFOLLOW),
    N(O_NOATIME), N(O_CLOEXEC), N(O_PATH), N(O_TMPFILE),
    // the *at calls
    N(AT_FDCWD), N(AT_SYMLINK_NOFOLLOW), N(AT_SYMLINK_FOLLOW), N(AT_REMOVEDIR), N(AT_EACCESS), N(AT_NO_AUTOMOUNT),
    N(AT_EMPTY_PATH),
    // modes
    N(S_IFMT), N(S_IFSOCK), N(S_IFLNK), N(S_IFREG), N(S_IFBLK), N(S_IFDIR), N(S_IFCHR), N(S_IFIFO), N(S_ISUID),
    N(S_ISGID), N(S_ISVTX), N(S_IRWXU), N(S_IRUSR), N(S_IWUSR), N(S_IXUSR), N(S_IRWXG), N(S_IRGRP), N(S_IWGRP),
    N(S_IXGRP), N(S_IRWXO), N(S_IROTH), N(S_IWOTH), N(S_IXOTH),
    // mount(2), umount2(2)
    N(MS_RDONLY), N(MS_NOSUID), N(MS_NODEV), N(MS_NOEXEC), N(MS_SYNCHRONOUS), N(MS_REMOUNT), N(MS_MANDLOCK),
    N(MS_DIRSYNC), N(MS_NOATIME), N(MS_NODIRATIME), N(MS_BIND), N(MS_MOVE), N(MS_REC), N(MS_SILENT), N(MS_POSIXACL),
    N(MS_UNBINDABLE), N(MS_PRIVATE), N(MS_SLAVE), N(MS_SHARED), N(MS_RELATIME), N(MS_STRICTATIME), N(MS_LAZYTIME),
    N(MNT_FORCE), N(MNT_DETACH), N(MNT_EXPIRE), N(UMOUNT_NOFOLLOW),
    // statfs(2) f_flags
    N(ST_RDONLY), N(ST_NOSUID), N(ST_NODEV), N(ST_NOEXEC), N(ST_NOATIME), N(ST_NODIRATIME), N(ST_RELATIME),
    // renameat2, utimensat, flock, lseek, setxattr
    N(RENAME_NOREPLACE), N(RENAME_EXCHANGE), N(RENAME_WHITEOUT), N(UTIME_NOW), N(UTIME_OMIT), N(LOCK_SH), N(LOCK_EX),
    N(LOCK_UN), N(LOCK_NB), N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE), N(XATTR_CREATE),
    N(XATTR_REPLACE), N(XATTR_NAME_MAX), N(XATTR_SIZE_MAX), N(XATTR_LIST_MAX), N(NAME_MAX), N(PATH_MAX),
    // fallocate(2)
    N(FALLOC_FL_KEEP_SIZE), N(FALLOC_FL_PUNCH_HOLE), N(FALLOC_FL_NO_HIDE_STALE), N(FALLOC_FL_COLLAPSE_RANGE),
    N(FALLOC_FL_ZERO_RANGE), N(FALLOC_FL_INSERT_RANGE), N(FALLOC_FL_UNSHARE_RANGE),
    // readdir(3), access(2), statx(2)
    N(DT_UNKNOWN), N(DT_FIFO), N(DT_CHR), N(DT_DIR), N(DT_BLK), N(DT_REG), N(DT_LNK), N(DT_SOCK), N(DT_WHT), N(F_OK),
    N(R_OK), N(W_OK), N(X_OK), N(STATX_BTIME), N(STATX_MNT_ID), N(STATX_ATTR_IMMUTABLE), N(STATX_ATTR_APPEND),
    N(STATX_ATTR_MOUNT_ROOT), N(STATX_ATTR_VERITY),
    // ioctl(2)
    N(FS_IOC_GETFLAGS), N(FS_IOC_SETFLAGS), N(FS_IOC_GETVERSION), N(FS_IOC_SETVERSION), N(FS_IOC_FSGETXATTR),
    N(FS_IOC_FSSETXATTR), N(FICLONE), N(FICLONERANGE), N(FIDEDUPERANGE), N(FS_IMMUTABLE_FL), N(FS_APPEND_FL),
    N(FS_NOATIME_FL), N(FS_NODUMP_FL), N(FS_SYNC_FL), N(FS_DIRSYNC_FL),
    // signals that a daemon names
    N(SIGHUP), N(SIGINT), N(SIGTERM), N(SIGKILL), N(SIGUSR1), N(SIGUSR2),
    // magic numbers of file systems
    N(TMPFS_MAGIC), N(EXT4_SUPER_MAGIC), N(XFS_SUPER_MAGIC), N(BTRFS_SUPER_MAGIC), N(OVERLAYFS_SUPER_MAGIC),
    N(FUSE_SUPER_MAGIC), N(NFS_SUPER_MAGIC), N(SMB2_SUPER_MAGIC), N(CIFS_SUPER_MAGIC), N(V9FS_MAGIC),
    N(CEPH_SUPER_MAGIC), N(SQUASHFS_MAGIC), N(RAMFS_MAGIC), N(PROC_SUPER_MAGIC),
    // FUSE opcodes and notifications
    N(FUSE_LOOKUP), N(FUSE_FORGET), N(FUSE_GETATTR), N(FUSE_SETATTR), N(FUSE_READLINK), N(FUSE_SYMLINK),
    N(FUSE_MKNOD), N(FUSE_MKDIR), N(FUSE_UNLINK), N(FUSE_RMDIR), N(FUSE_RENAME), N(FUSE_LINK), N(FUSE_OPEN),
    N(FUSE_READ), N(FUSE_WRITE), N(FUSE_STATFS), N(FUSE_RELEASE), N(FUSE_FSYNC), N(FUSE_SETXATTR), N(FUSE_GETXATTR),
    N(FUSE_LISTXATTR), N(FUSE_REMOVEXATTR), N(FUSE_FLUSH), N(FUSE_INIT), N(FUSE_OPENDIR), N(FUSE_READDIR),
    N(FUSE_RELEASEDIR), N(FUSE_FSYNCDIR), N(FUSE_GETLK), N(FUSE_SETLK), N(FUSE_SETLKW), N(FUSE_ACCESS),
    N(FUSE_CREATE), N(FUSE_INTERRUPT), N(FUSE_BMAP), N(FUSE_DESTROY), N(FUSE_IOCTL), N(FUSE_POLL),
    N(FUSE_NOTIFY_REPLY), N(FUSE_BATCH_FORGET), N(FUSE_FALLOCATE), N(FUSE_READDIRPLUS), N(FUSE_RENAME2),
    N(FUSE_LSEEK), N(FUSE_COPY_FILE_RANGE), N(FUSE_SETUPMAPPING), N(FUSE_REMOVEMAPPING), N(FUSE_SYNCFS),
    N(FUSE_TMPFILE), N(FUSE_NOTIFY_POLL), N(FUSE_NOTIFY_INVAL_INODE), N(FUSE_NOTIFY_INVAL_ENTRY),
    N(FUSE_NOTIFY_STORE), N(FUSE_NOTIFY_RETRIEVE), N(FUSE_NOTIFY_DELETE), N(FUSE_STATX), N(FUSE_COPY_FILE_RANGE_64),
    N(FUSE_NOTIFY_RESEND), N(FUSE_NOTIFY_INC_EPOCH), N(FUSE_NOTIFY_PRUNE),
    // FUSE flags and limits
    N(FUSE_KERNEL_VERSION), N(FUSE_KERNEL_MINOR_VERSION), N(FUSE_ROOT_ID), N(FATTR_MODE), N(FATTR_UID), N(FATTR_GID),
    N(FATTR_SIZE), N(FATTR_ATIME), N(FATTR_MTIME), N(FATTR_FH), N(FATTR_ATIME_NOW), N(FATTR_MTIME_NOW),
    N(FATTR_LOCKOWNER), N(FATTR_CTIME), N(FATTR_KILL_SUIDGID), N(FOPEN_DIRECT_IO), N(FOPEN_KEEP_CACHE),
    N(FOPEN_NONSEEKABLE), N(FOPEN_CACHE_DIR), N(FOPEN_STREAM), N(FOPEN_NOFLUSH), N(FOPEN_PARALLEL_DIRECT_WRITES),
    N(FUSE_ASYNC_READ), N(FUSE_POSIX_LOCKS), N(FUSE_FILE_OPS), N(FUSE_ATOMIC_O_TRUNC), N(FUSE_EXPORT_SUPPORT),
    N(FUSE_BIG_WRITES), N(FUSE_DONT_MASK), N(FUSE_SPLICE_WRITE), N(FUSE_SPLICE_MOVE), N(FUSE_SPLICE_READ),
    N(FUSE_FLOCK_LOCKS), N(FUSE_HAS_IOCTL_DIR), N(FUSE_AUTO_INVAL_DATA), N(FUSE_DO_READDIRPLUS),
    N(FUSE_READDIRPLUS_AUTO), N(FUSE_ASYNC_DIO), N(FUSE_WRITEBACK_CACHE), N(FUSE_NO_OPEN_SUPPORT),
    N(FUSE_PARALLEL_DIROPS), N(FUSE_HANDLE_KILLPRIV), N(FUSE_POSIX_ACL), N(FUSE_ABORT_ERROR), N(FUSE_MAX_PAGES),
    N(FUSE_CACHE_SYMLINKS), N(FUSE_NO_OPENDIR_SUPPORT), N(FUSE_EXPLICIT_INVAL_DATA), N(FUSE_MAP_ALIGNMENT),
    N(FUSE_SUBMOUNTS), N(FUSE_HANDLE_KILLPRIV_V2), N(FUSE_SETXATTR_EXT), N(FUSE_INIT_EXT), N(FUSE_INIT_RESERVED),
    N(FUSE_SECURITY_CTX), N(FUSE_HAS_INODE_DAX), N(FUSE_HAS_EXPIRE_ONLY), N(FUSE_RELEASE_FLUSH),
    N(FUSE_RELEASE_FLOCK_UNLOCK), N(FUSE_GETATTR_FH), N(FUSE_LK_FLOCK), N(FUSE_WRITE_CACHE), N(FUSE_WRITE_LOCKOWNER),
    N(FUSE_WRITE_KILL_SUIDGID), N(FUSE_READ_LOCKOWNER), N(FUSE_IOCTL_COMPAT), N(FUSE_IOCTL_UNRESTRICTED),
    N(FUSE_IOCTL_RETRY), N(FUSE_IOCTL_32BIT), N(FUSE_IOCTL_DIR), N(FUSE_IOCTL_COMPAT_X32), N(FUSE_IOCTL_MAX_IOV),
    N(FUSE_POLL_SCHEDULE_NOTIFY), N(FUSE_FSYNC_FDATASYNC), N(FUSE_ATTR_SUBMOUNT), N(FUSE_ATTR_DAX),
    N(FUSE_OPEN_KILL_SUIDGID), N(FUSE_SETXATTR_ACL_KILL_SGID), N(FUSE_EXPIRE_ONLY), N(FUSE_MIN_READ_BUFFER),
    N(FUSE_DEV_IOC_MAGIC), N(FUSE_SETUPMAPPING_FLAG_WRITE), N(FUSE_SETUPMAPPING_FLAG_READ),
    N(FUSE_DIRECT_IO_ALLOW_MMAP), N(FUSE_PASSTHROUGH), N(FUSE_NO_EXPORT_SUPPORT), N(FUSE_HAS_RESEND),
    N(FUSE_ALLOW_IDMAP), N(FUSE_OVER_IO_URING), N(FUSE_REQUEST_TIMEOUT), N(FOPEN_PASSTHROUGH),
    N(FUSE_DEV_IOC_BACKING_OPEN), N(FUSE_DEV_IOC_BACKING_CLOSE),
};
#undef N

#define Z(name) {#name, sizeof(struct fuse_##name)}
const Constant sizes[] = {
    Z(attr), Z(kstatfs), Z(file_lock), Z(entry_out), Z(forget_in), Z(forget_one), Z(batch_forget_in), Z(getattr_in),
    Z(attr_out), Z(mknod_in), Z(mkdir_in), Z(rename_in), Z(rename2_in), Z(link_in), Z(setattr_in), Z(open_in),
    Z(create_in), Z(open_out), Z(release_in), Z(flush_in), Z(read_in), Z(write_in), Z(write_out), Z(statfs_out),
    Z(fsync_in), Z(setxattr_in), Z(getxattr_in), Z(getxattr_out), Z(lk_in), Z(lk_out), Z(access_in), Z(init_in),
    Z(init_out), Z(interrupt_in), Z(bmap_in), Z(bmap_out), Z(ioctl_in), Z(ioctl_iovec), Z(ioctl_out), Z(poll_in),
    Z(poll_out), Z(notify_poll_wakeup_out), Z(fallocate_in), Z(in_header), Z(out_header), Z(dirent), Z(direntplus),
    Z(notify_inval_inode_out), Z(notify_inval_entry_out), Z(notify_delete_out), Z(notify_store_out),
    Z(notify_retrieve_out), Z(notify_retrieve_in), Z(lseek_in), Z(lseek_out), Z(copy_file_range_in),
    Z(setupmapping_in), Z(removemapping_in), Z(removemapping_one), Z(syncfs_in), Z(secctx), Z(secctx_header),
    Z(ext_header),
};
#undef Z
// clang-format on

napi_value makeObject(napi_env env, const Constant* first, size_t count) {
  napi_value object;
  napi_create_object(env, &object);
  for (size_t i = 0; i < count; i++) {
    napi_value value;
    napi_create_double(env, first[i].value, &value);
    napi_set_named_property(env, object, first[i].name, value);
  }
  napi_object_freeze(env, object);
  return object;
}

}  // namespace

napi_value makeConstants(napi_env env) { return makeObject(env, constants, lengthOf(constants)); }

napi_value makeSizes(napi_env env) { return makeObject(env, sizes, lengthOf(sizes)); }
