/**
 * Creating as somebody else: fsuid, fsgid and capabilities of this thread only, by raw system calls (the C library's
 * wrappers change every thread), set and put back within one call.
 *
 * The kernel has checked the caller's rights at the mount (default_permissions), so the capabilities that pass over
 * permissions in the branch stay. CAP_SYS_RESOURCE goes: reserved blocks and quotas shall count as for the caller.
 */
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "families.h"
#include "result.h"
#include "stored-stat.h"

namespace {

/** One word of a capability set; all that matter here are below 32. */
constexpr uint32_t bit(int capability) { return 1u << capability; }

constexpr uint32_t kKeep = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) |
                           bit(CAP_FSETID) | bit(CAP_MKNOD);
constexpr uint32_t kDrop = bit(CAP_SYS_RESOURCE);

bool setFsIds(uint32_t uid, uint32_t gid) {
  // The calls answer the previous id, also when they fail; asking for -1 tells what it is now. The uid comes last on
  // the way out and does not matter on the way back: CAP_SETUID and CAP_SETGID stay in effect throughout.
  syscall(SYS_setfsgid, gid);
  syscall(SYS_setfsuid, uid);
  return static_cast<uint32_t>(syscall(SYS_setfsgid, -1)) == gid && static_cast<uint32_t>(syscall(SYS_setfsuid, -1)) == uid;
}

struct Capabilities {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
  bool get() { return syscall(SYS_capget, &header, words) == 0; }
  bool set() { return syscall(SYS_capset, &header, words) == 0; }
};

/** For its lifetime this thread makes files as uid:gid. Without root, or for root itself, it changes nothing. */
class AsCaller {
 public:
  AsCaller(uint32_t uid, uint32_t gid) : ownUid_(geteuid()), ownGid_(getegid()) {
    if (ownUid_ != 0 || (uid == ownUid_ && gid == ownGid_)) return;
    if (!saved_.get()) {
      error_ = -errno;
      return;
    }
    changed_ = true;
    if (!setFsIds(uid, gid)) {
      error_ = -EPERM;
      return;
    }
    Capabilities now = saved_;
    now.words[0].effective = (saved_.words[0].effective | (kKeep & saved_.words[0].permitted)) & ~kDrop;
    if (!now.set()) error_ = -errno;
  }

  // Serving the next request with a stranger's identity would be worse than not serving it.
  ~AsCaller() {
    if (changed_ && (!setFsIds(ownUid_, ownGid_) || !saved_.set())) abort();
  }

  AsCaller(const AsCaller&) = delete;
  AsCaller& operator=(const AsCaller&) = delete;
  int64_t error() const { return error_; }

 private:
  uint32_t ownUid_;
  uint32_t ownGid_;
  Capabilities saved_;
  bool changed_ = false;
  int64_t error_ = 0;
};

class Umask {
 public:
  explicit Umask(uint32_t mask) : mask_(mask), own_(umask(mask)) {}
  ~Umask() {
    if (own_ != mask_) umask(own_);
  }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t mask_;
  mode_t own_;
};

template <typename F>
int64_t as(uint32_t uid, uint32_t gid, F call) {
  AsCaller caller(uid, gid);
  return caller.error() != 0 ? caller.error() : retry(call);
}

int64_t mkdirAs(int dirfd, const Name& name, uint32_t mode, uint32_t uid, uint32_t gid, uint32_t mask) {
  if (statsAreStored) {
    const Stored stored = makeStored(dirfd, name, {S_IFDIR | mode, 0, uid, gid, mask}, 0);
    if (stored.mine) return stored.result;
  }
  Umask umask(mask);
  return as(uid, gid, [&] { return mkdirat(dirfd, name, mode); });
}

int64_t mknodAs(int dirfd, const Name& name, uint32_t mode, uint32_t rdev, uint32_t uid, uint32_t gid, uint32_t mask) {
  if (statsAreStored) {
    const Stored stored = makeStored(dirfd, name, {mode, rdev, uid, gid, mask}, O_WRONLY);
    if (stored.mine) return stored.result;
  }
  Umask umask(mask);
  return as(uid, gid, [&] { return syscall(SYS_mknodat, dirfd, name.bytes, mode, rdev); });
}

int64_t symlinkAs(const Name& target, int dirfd, const Name& name, uint32_t uid, uint32_t gid) {
  return as(uid, gid, [&] { return symlinkat(target, dirfd, name); });
}

int64_t createAs(int dirfd, const Name& name, int flags, uint32_t mode, uint32_t uid, uint32_t gid, uint32_t mask) {
  if (statsAreStored) {
    const Stored stored = makeStored(dirfd, name, {S_IFREG | mode, 0, uid, gid, mask}, flags);
    if (stored.mine) return stored.result;
  }
  Umask umask(mask);
  const int all = flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  return as(uid, gid, [&] { return openat(dirfd, name, all, mode); });
}

int64_t tmpfileAs(int dirfd, int flags, uint32_t mode, uint32_t uid, uint32_t gid, uint32_t mask) {
  if (statsAreStored) {
    const Stored stored = makeUnnamedStored(dirfd, {S_IFREG | mode, 0, uid, gid, mask}, flags);
    if (stored.mine) return stored.result;
  }
  Umask umask(mask);
  return as(uid, gid, [&] { return openat(dirfd, ".", O_TMPFILE | O_CLOEXEC | flags, mode); });
}

const Method methods[] = {
    method<mkdirAs>("mkdirAs", "dirfd name mode uid gid umask"),
    method<mknodAs>("mknodAs", "dirfd name mode rdev uid gid umask"),
    method<symlinkAs>("symlinkAs", "target dirfd name uid gid"),
    method<createAs>("createAs", "dirfd name flags mode uid gid umask"),
    method<tmpfileAs>("tmpfileAs", "dirfd flags mode uid gid umask"),
};

}  // namespace

const Methods credMethods = {methods, lengthOf(methods)};
