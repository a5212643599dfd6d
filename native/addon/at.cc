/** Names: open, create, link, rename, remove, all relative to a directory fd. */
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "families.h"
#include "result.h"
#include "stored-stat.h"

namespace {

int64_t reopen(int fd, int flags) {
  const ProcPath path(fd);
  return retry([&] { return open(path, (flags & ~O_NOFOLLOW) | O_CLOEXEC); });
}

int64_t openAt(int dirfd, const Name& name, int flags, uint32_t mode) {
  if (name.empty()) return reopen(dirfd, flags);
  return retry([&] { return openat(dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW, mode); });
}

int64_t openBeneath(int dirfd, const Name& path, int flags) {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(static_cast<uint32_t>(flags | O_CLOEXEC));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const char* from = path.empty() ? "." : path.bytes;
  int64_t rc = -EAGAIN;
  // EAGAIN: somebody renamed or mounted meanwhile, so that the kernel could not be sure of BENEATH.
  for (int tries = 0; tries < 100 && rc == -EAGAIN; tries++) {
    rc = retry([&] { return syscall(SYS_openat2, dirfd, from, &how, sizeof how); });
  }
  return rc;
}

// Not retried: Linux has released the fd when close(2) says EINTR.
int64_t closeFd(int fd) { return result(close(fd)); }

int64_t mkdirAt(int dirfd, const Name& name, uint32_t mode) {
  return retry([&] { return mkdirat(dirfd, name, mode); });
}

// The raw call takes rdev as FUSE sends it (new_encode_dev).
int64_t mknodAt(int dirfd, const Name& name, uint32_t mode, uint32_t rdev) {
  // Device 0:0 is a whiteout, which anybody may make.
  if (statsAreStored && !(S_ISCHR(mode) && rdev == 0)) {
    const Stored stored = makeStored(dirfd, name, {mode, rdev, geteuid(), getegid(), 0}, O_WRONLY);
    if (stored.mine) return stored.result;
  }
  return retry([&] { return syscall(SYS_mknodat, dirfd, name.bytes, mode, rdev); });
}

int64_t symlinkAt(const Name& target, int dirfd, const Name& name) {
  return retry([&] { return symlinkat(target, dirfd, name); });
}

int64_t linkAt(int olddirfd, const Name& oldName, int newdirfd, const Name& newName) {
  if (!oldName.empty()) return retry([&] { return linkat(olddirfd, oldName, newdirfd, newName, 0); });
  // Without the path through procfs it is quicker by half, but needs CAP_DAC_READ_SEARCH, or Linux 6.10 and our own open.
  const int64_t rc = retry([&] { return linkat(olddirfd, "", newdirfd, newName, AT_EMPTY_PATH); });
  if (rc != -ENOENT && rc != -EPERM) return rc;
  const ProcPath path(olddirfd);
  return retry([&] { return linkat(AT_FDCWD, path, newdirfd, newName, AT_SYMLINK_FOLLOW); });
}

int64_t unlinkAt(int dirfd, const Name& name, int flags) {
  return retry([&] { return unlinkat(dirfd, name, flags); });
}

int64_t renameAt2(int olddirfd, const Name& oldName, int newdirfd, const Name& newName, uint32_t flags) {
  return retry([&] { return renameat2(olddirfd, oldName, newdirfd, newName, flags); });
}

int64_t readlinkAt(int dirfd, const Name& name, Bytes out) {
  return retry([&] { return readlinkat(dirfd, name, reinterpret_cast<char*>(out.data), out.length); });
}

int64_t tmpfile(int dirfd, int flags, uint32_t mode) {
  return retry([&] { return openat(dirfd, ".", O_TMPFILE | O_CLOEXEC | flags, mode); });
}

const Method methods[] = {
    method<openAt>("openat", "dirfd name flags mode"),
    method<openBeneath>("openBeneath", "dirfd path flags"),
    method<reopen>("reopen", "fd flags"),
    method<closeFd>("close", "fd"),
    method<mkdirAt>("mkdirat", "dirfd name mode"),
    method<mknodAt>("mknodat", "dirfd name mode rdev"),
    method<symlinkAt>("symlinkat", "target dirfd name"),
    method<linkAt>("linkat", "olddirfd oldName newdirfd newName"),
    method<unlinkAt>("unlinkat", "dirfd name flags"),
    method<renameAt2>("renameat2", "olddirfd oldName newdirfd newName flags"),
    method<readlinkAt>("readlinkat", "dirfd name out"),
    method<tmpfile>("tmpfile", "dirfd flags mode"),
};

}  // namespace

const Methods atMethods = {methods, lengthOf(methods)};
