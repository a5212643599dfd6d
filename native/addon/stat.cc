/** Attributes: statx into a shared buffer in the protocol's own layout, chmod, chown, times, statfs, ioctl. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "attr.h"
#include "families.h"
#include "result.h"
#include "stored-stat.h"
#include "syscalls.h"

namespace {

/** What statx() leaves in `stat`; lib/os/native.ts states the offsets. */
struct StatOut {
  struct fuse_attr attr;
  uint32_t devMajor;
  uint32_t devMinor;
  int64_t btimeSec;
  uint32_t btimeNsec;
  uint32_t mask;
  uint64_t attributes;
  uint64_t attributesMask;
  uint64_t mntId;
};
static_assert(sizeof(struct fuse_attr) == 88 && sizeof(StatOut) == 136, "the layout lib/os/native.ts documents");

struct FsstatOut {
  struct fuse_kstatfs st;
  uint32_t type;
  uint32_t fsid[2];
  uint32_t flags;
};
static_assert(sizeof(FsstatOut) == 96, "the layout lib/os/native.ts documents");

// One environment runs on one thread; its buffers are found by it without a lookup.
thread_local StatOut* statOut = nullptr;
thread_local FsstatOut* fsstatOut = nullptr;

/** new_encode_dev() of the kernel's linux/kdev_t.h. */
uint32_t encodeDev(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

int emptyPath(const Name& name) { return name.empty() ? AT_EMPTY_PATH : 0; }

int64_t statX(int dirfd, const Name& name) {
  struct statx st;
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | emptyPath(name);
  const unsigned mask = kAttrMask | STATX_BTIME | STATX_MNT_ID;
  const int64_t rc = retry([&] { return statx(dirfd, name, flags, mask, &st); });
  if (rc < 0) return rc;
  if (statsAreStored) showStored(dirfd, name, st);
  StatOut& out = *statOut;
  fillAttr(st, out.attr);
  out.devMajor = st.stx_dev_major;
  out.devMinor = st.stx_dev_minor;
  out.btimeSec = st.stx_btime.tv_sec;
  out.btimeNsec = st.stx_btime.tv_nsec;
  out.mask = st.stx_mask;
  out.attributes = st.stx_attributes;
  out.attributesMask = st.stx_attributes_mask;
  out.mntId = st.stx_mnt_id;
  return 0;
}

/** chmod without fchmodat2 (before Linux 6.6): through an O_PATH fd, since fchmodat follows symbolic links. */
int64_t chmodByProc(int dirfd, const Name& name, uint32_t mode) {
  int64_t rc = name.empty() ? -1 : retry([&] { return openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); });
  if (!name.empty() && rc < 0) return rc;
  const Fd opened(rc);
  const int fd = name.empty() ? dirfd : opened.get();
  struct stat st;
  rc = retry([&] { return fstat(fd, &st); });
  if (rc < 0) return rc;
  if (S_ISLNK(st.st_mode)) return -EOPNOTSUPP;
  const ProcPath path(fd);
  return retry([&] { return chmod(path, mode); });
}

int64_t chmodAt(int dirfd, const Name& name, uint32_t mode) {
  if (statsAreStored) {
    const Stored stored = chmodStored(dirfd, name, mode);
    if (stored.mine) return stored.result;
  }
  static bool missing = false;
  if (!missing) {
    const int flags = AT_SYMLINK_NOFOLLOW | emptyPath(name);
    const int64_t rc = retry([&] { return syscall(SYS_fchmodat2, dirfd, name.bytes, mode, flags); });
    if (rc != -ENOSYS) return rc;
    missing = true;
  }
  return chmodByProc(dirfd, name, mode);
}

int64_t chownAt(int dirfd, const Name& name, uint32_t uid, uint32_t gid) {
  if (statsAreStored) {
    const Stored stored = chownStored(dirfd, name, uid, gid);
    if (stored.mine) return stored.result;
  }
  return retry([&] { return fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW | emptyPath(name)); });
}

int64_t utimens(int dirfd, const Name& name, int64_t atimeSec, int64_t atimeNsec, int64_t mtimeSec, int64_t mtimeNsec) {
  const struct timespec times[2] = {{atimeSec, atimeNsec}, {mtimeSec, mtimeNsec}};
  const int64_t rc = retry([&] { return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW | emptyPath(name)); });
  if (rc != -EINVAL || !name.empty()) return rc;
  // Before Linux 5.8 there is no AT_EMPTY_PATH here; when the times are at fault the answer is EINVAL again.
  const ProcPath path(dirfd);
  return retry([&] { return utimensat(AT_FDCWD, path, times, 0); });
}

int64_t statFs(int fd) {
  struct statfs st;
  const int64_t rc = retry([&] { return fstatfs(fd, &st); });
  if (rc < 0) return rc;
  FsstatOut& out = *fsstatOut;
  memset(&out, 0, sizeof out);
  out.st.blocks = st.f_blocks;
  out.st.bfree = st.f_bfree;
  out.st.bavail = st.f_bavail;
  out.st.files = st.f_files;
  out.st.ffree = st.f_ffree;
  out.st.bsize = static_cast<uint32_t>(st.f_bsize);
  out.st.namelen = static_cast<uint32_t>(st.f_namelen);
  out.st.frsize = static_cast<uint32_t>(st.f_frsize);
  out.type = static_cast<uint32_t>(st.f_type);
  memcpy(out.fsid, &st.f_fsid, sizeof out.fsid);
  out.flags = static_cast<uint32_t>(st.f_flags);
  return 0;
}

// The command says how much memory it touches; FS_IOC_*FLAGS say `long` and use an int, so the size is an upper bound.
int64_t ioctlFd(int fd, uint32_t command, Bytes inout) {
  if (inout.length < _IOC_SIZE(command)) return -EINVAL;
  return retry([&] { return ioctl(fd, command, inout.data); });
}

template <typename T>
napi_value makeBuffer(napi_env env, T*& place) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_create_buffer(env, sizeof(T), &data, &buffer) != napi_ok) return nullptr;
  place = static_cast<T*>(memset(data, 0, sizeof(T)));
  return buffer;
}

const Method methods[] = {
    method<statX>("statx", "dirfd name"),
    method<chmodAt>("chmod", "dirfd name mode"),
    method<chownAt>("chown", "dirfd name uid gid"),
    method<utimens>("utimens", "dirfd name atimeSec atimeNsec mtimeSec mtimeNsec"),
    method<statFs>("statfs", "fd"),
    method<ioctlFd>("ioctl", "fd cmd inout"),
};

}  // namespace

void fillAttr(const struct statx& from, struct fuse_attr& to) {
  to.ino = from.stx_ino;
  to.size = from.stx_size;
  to.blocks = from.stx_blocks;
  to.atime = static_cast<uint64_t>(from.stx_atime.tv_sec);
  to.mtime = static_cast<uint64_t>(from.stx_mtime.tv_sec);
  to.ctime = static_cast<uint64_t>(from.stx_ctime.tv_sec);
  to.atimensec = from.stx_atime.tv_nsec;
  to.mtimensec = from.stx_mtime.tv_nsec;
  to.ctimensec = from.stx_ctime.tv_nsec;
  to.mode = from.stx_mode;
  to.nlink = from.stx_nlink;
  to.uid = from.stx_uid;
  to.gid = from.stx_gid;
  to.rdev = encodeDev(from.stx_rdev_major, from.stx_rdev_minor);
  to.blksize = from.stx_blksize;
  to.flags = 0;
}

napi_value makeStatBuffer(napi_env env) { return makeBuffer(env, statOut); }

napi_value makeFsstatBuffer(napi_env env) { return makeBuffer(env, fsstatOut); }

const Methods statMethods = {methods, lengthOf(methods)};
