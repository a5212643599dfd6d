/**
 * Extended attributes of an object, never following a symbolic link.
 *
 * By name: the *xattrat calls of Linux 6.13; before that, an O_PATH fd and its /proc path. The open file itself: the
 * f*xattr calls, which refuse O_PATH fds (EBADF), and then its /proc path.
 */
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "families.h"
#include "result.h"
#include "syscalls.h"

namespace {

bool noXattrat = false;

/**
 * @param byFd    for an open file
 * @param byName  with a system call that takes (dirfd, name)
 * @param byPath  with a path that may be followed
 */
template <typename ByFd, typename ByName, typename ByPath>
int64_t onObject(int dirfd, const Name& name, ByFd byFd, ByName byName, ByPath byPath) {
  if (name.empty()) {
    const int64_t rc = retry(byFd);
    return rc == -EBADF ? retry([&] { return byPath(ProcPath(dirfd)); }) : rc;
  }
  if (!noXattrat) {
    const int64_t rc = retry(byName);
    if (rc != -ENOSYS) return rc;
    noXattrat = true;
  }
  const int64_t fd = retry([&] { return openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); });
  if (fd < 0) return fd;
  const Fd opened(fd);
  return retry([&] { return byPath(ProcPath(opened.get())); });
}

XattrArgs argsOf(const Bytes& value, int flags) {
  return {reinterpret_cast<uintptr_t>(value.data), static_cast<uint32_t>(value.length), static_cast<uint32_t>(flags)};
}

int64_t getXattr(int dirfd, const Name& name, const Name& key, Bytes out) {
  XattrArgs args = argsOf(out, 0);
  return onObject(
      dirfd, name, [&] { return fgetxattr(dirfd, key, out.data, out.length); },
      [&] { return syscall(SYS_getxattrat, dirfd, name.bytes, AT_SYMLINK_NOFOLLOW, key.bytes, &args, sizeof args); },
      [&](const char* path) { return getxattr(path, key, out.data, out.length); });
}

int64_t setXattr(int dirfd, const Name& name, const Name& key, Bytes value, int flags) {
  XattrArgs args = argsOf(value, flags);
  return onObject(
      dirfd, name, [&] { return fsetxattr(dirfd, key, value.data, value.length, flags); },
      [&] { return syscall(SYS_setxattrat, dirfd, name.bytes, AT_SYMLINK_NOFOLLOW, key.bytes, &args, sizeof args); },
      [&](const char* path) { return setxattr(path, key, value.data, value.length, flags); });
}

int64_t listXattr(int dirfd, const Name& name, Bytes out) {
  char* list = reinterpret_cast<char*>(out.data);
  return onObject(
      dirfd, name, [&] { return flistxattr(dirfd, list, out.length); },
      [&] { return syscall(SYS_listxattrat, dirfd, name.bytes, AT_SYMLINK_NOFOLLOW, list, out.length); },
      [&](const char* path) { return listxattr(path, list, out.length); });
}

int64_t removeXattr(int dirfd, const Name& name, const Name& key) {
  return onObject(
      dirfd, name, [&] { return fremovexattr(dirfd, key); },
      [&] { return syscall(SYS_removexattrat, dirfd, name.bytes, AT_SYMLINK_NOFOLLOW, key.bytes); },
      [&](const char* path) { return removexattr(path, key); });
}

const Method methods[] = {
    method<getXattr>("getxattr", "dirfd name key out"),
    method<setXattr>("setxattr", "dirfd name key value flags"),
    method<listXattr>("listxattr", "dirfd name out"),
    method<removeXattr>("removexattr", "dirfd name key"),
};

}  // namespace

const Methods xattrMethods = {methods, lengthOf(methods)};
