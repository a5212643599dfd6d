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
#include "xattr.h"

namespace {

bool noXattrat = false;

/**
 * @param byFd    for an open file
 * @param byName  with a system call that takes (dirfd, name)
 * @param byPath  with a path that may be followed
 */
template <typename ByFd, typename ByName, typename ByPath>
int64_t onObject(int dirfd, const char* name, ByFd byFd, ByName byName, ByPath byPath) {
  if (*name == '\0') {
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

XattrArgs argsOf(const void* value, size_t size, int flags) {
  return {reinterpret_cast<uintptr_t>(value), static_cast<uint32_t>(size), static_cast<uint32_t>(flags)};
}

int64_t getXattr(int dirfd, const Name& name, const Name& key, Bytes out) {
  return getXattrOf(dirfd, name, key, out.data, out.length);
}

int64_t setXattr(int dirfd, const Name& name, const Name& key, Bytes value, int flags) {
  return setXattrOf(dirfd, name, key, value.data, value.length, flags);
}

int64_t listXattr(int dirfd, const Name& name, Bytes out) {
  char* list = reinterpret_cast<char*>(out.data);
  return onObject(
      dirfd, name, [&] { return flistxattr(dirfd, list, out.length); },
      [&] { return syscall(SYS_listxattrat, dirfd, name.bytes, AT_SYMLINK_NOFOLLOW, list, out.length); },
      [&](const char* path) { return listxattr(path, list, out.length); });
}

int64_t removeXattr(int dirfd, const Name& name, const Name& key) { return removeXattrOf(dirfd, name, key); }

const Method methods[] = {
    method<getXattr>("getxattr", "dirfd name key out"),
    method<setXattr>("setxattr", "dirfd name key value flags"),
    method<listXattr>("listxattr", "dirfd name out"),
    method<removeXattr>("removexattr", "dirfd name key"),
};

}  // namespace

int64_t getXattrOf(int dirfd, const char* name, const char* key, void* value, size_t size) {
  XattrArgs args = argsOf(value, size, 0);
  return onObject(
      dirfd, name, [&] { return fgetxattr(dirfd, key, value, size); },
      [&] { return syscall(SYS_getxattrat, dirfd, name, AT_SYMLINK_NOFOLLOW, key, &args, sizeof args); },
      [&](const char* path) { return getxattr(path, key, value, size); });
}

int64_t setXattrOf(int dirfd, const char* name, const char* key, const void* value, size_t size, int flags) {
  XattrArgs args = argsOf(value, size, flags);
  return onObject(
      dirfd, name, [&] { return fsetxattr(dirfd, key, value, size, flags); },
      [&] { return syscall(SYS_setxattrat, dirfd, name, AT_SYMLINK_NOFOLLOW, key, &args, sizeof args); },
      [&](const char* path) { return setxattr(path, key, value, size, flags); });
}

int64_t removeXattrOf(int dirfd, const char* name, const char* key) {
  return onObject(
      dirfd, name, [&] { return fremovexattr(dirfd, key); },
      [&] { return syscall(SYS_removexattrat, dirfd, name, AT_SYMLINK_NOFOLLOW, key); },
      [&](const char* path) { return removexattr(path, key); });
}

const Methods xattrMethods = {methods, lengthOf(methods)};
