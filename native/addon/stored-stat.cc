#include "stored-stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "families.h"
#include "result.h"
#include "syscalls.h"
#include "xattr.h"

bool statsAreStored = false;

namespace {

constexpr unsigned kMask = STATX_BASIC_STATS | STATX_MNT_ID;
constexpr mode_t kAccessible = 0755;
constexpr char kUser[] = "user.";
constexpr char kStoredCapability[] = "user.containers.override_security.capability";

struct Mount {
  uint64_t id;
  /** Read in this order; the first one is written. */
  std::vector<std::string> keys;
  /** Symbolic links and special files carry no `user.` attributes (xattr(7)). */
  bool carries(mode_t mode) const { return keys[0].compare(0, strlen(kUser), kUser) != 0 || S_ISREG(mode) || S_ISDIR(mode); }
};

std::vector<Mount> mounts;

const Mount* mountOf(const struct statx& st) {
  for (const Mount& mount : mounts) {
    if (mount.id == st.stx_mnt_id) return &mount;
  }
  return nullptr;
}

/** One number, and `*at` after it; false if there is none that fits 32 bits. */
bool number(const char** at, int base, uint32_t& out) {
  if (**at < '0' || **at > '9') return false;
  char* end = nullptr;
  errno = 0;
  const unsigned long value = strtoul(*at, &end, base);
  if (errno != 0 || end == *at || value > UINT32_MAX) return false;
  out = static_cast<uint32_t>(value);
  *at = end;
  return true;
}

bool skip(const char** at, char c) {
  if (**at != c) return false;
  ++*at;
  return true;
}

/** What a type says that a regular file stands for; 0 if it is what it is. */
mode_t standsFor(const char* type, uint32_t& major, uint32_t& minor) {
  if (strcmp(type, "pipe") == 0) return S_IFIFO;
  if (strcmp(type, "socket") == 0) return S_IFSOCK;
  const bool isBlock = strncmp(type, "block", 5) == 0;
  if (!isBlock && strncmp(type, "char", 4) != 0) return 0;
  const char* at = type + (isBlock ? 5 : 4);
  skip(&at, '-');
  if (!number(&at, 10, major) || !(skip(&at, '-') || skip(&at, ':')) || !number(&at, 10, minor)) return 0;
  return isBlock ? S_IFBLK : S_IFCHR;
}

/** Put what `text` says into `st`; false, and nothing is changed, if it makes no sense. */
bool apply(const char* text, struct statx& st) {
  uint32_t uid, gid, mode, major = 0, minor = 0;
  const char* at = text;
  if (!number(&at, 10, uid) || !skip(&at, ':') || !number(&at, 10, gid) || !skip(&at, ':') || !number(&at, 8, mode)) return false;
  mode_t kind = st.stx_mode & S_IFMT;
  if (S_ISREG(kind) && skip(&at, ':')) {
    const mode_t other = standsFor(at, major, minor);
    if (other != 0) kind = other;
  }
  st.stx_uid = uid;
  st.stx_gid = gid;
  st.stx_mode = static_cast<uint16_t>(kind | (mode & 07777));
  if (S_ISCHR(kind) || S_ISBLK(kind)) {
    st.stx_rdev_major = major;
    st.stx_rdev_minor = minor;
  }
  return true;
}

/** @returns whether attributes were stored; they are in `st` then */
bool readStored(const Mount& mount, int dirfd, const char* name, struct statx& st) {
  if (!mount.carries(st.stx_mode)) return false;
  char text[128];
  for (const std::string& key : mount.keys) {
    const int64_t n = getXattrOf(dirfd, name, key.c_str(), text, sizeof text - 1);
    if (n <= 0) continue;
    text[n] = '\0';
    if (apply(text, st)) return true;
  }
  return false;
}

int64_t writeStored(const Mount& mount, int dirfd, const char* name, const struct statx& st) {
  char type[48];
  switch (st.stx_mode & S_IFMT) {
    case S_IFDIR: strcpy(type, "dir"); break;
    case S_IFLNK: strcpy(type, "symlink"); break;
    case S_IFIFO: strcpy(type, "pipe"); break;
    case S_IFSOCK: strcpy(type, "socket"); break;
    case S_IFCHR: snprintf(type, sizeof type, "char-%u-%u", st.stx_rdev_major, st.stx_rdev_minor); break;
    case S_IFBLK: snprintf(type, sizeof type, "block-%u-%u", st.stx_rdev_major, st.stx_rdev_minor); break;
    default: strcpy(type, "file");
  }
  char text[128];
  const int n = snprintf(text, sizeof text, "%u:%u:%04o:%s", st.stx_uid, st.stx_gid, st.stx_mode & 07777u, type);
  return setXattrOf(dirfd, name, mount.keys[0].c_str(), text, static_cast<size_t>(n), 0);
}

/** An object of such a mount. */
struct Object {
  const Mount* mount = nullptr;
  struct statx st;
  bool stored = false;
  bool carries = false;
  int64_t error = 0;
};

Object lookAt(int dirfd, const char* name) {
  Object object;
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  object.error = retry([&] { return statx(dirfd, name, flags, kMask, &object.st); });
  if (object.error < 0) return object;
  object.mount = mountOf(object.st);
  if (object.mount == nullptr) return object;
  object.carries = object.mount->carries(object.st.stx_mode);
  object.stored = readStored(*object.mount, dirfd, name, object.st);
  return object;
}

/** Store an object's new attributes; the first time its real mode becomes one that lets the daemon in. */
int64_t store(const Object& object, int dirfd, const char* name) {
  const int64_t rc = writeStored(*object.mount, dirfd, name, object.st);
  if (rc < 0 || object.stored) return rc;
  const int flags = AT_SYMLINK_NOFOLLOW | (*name == '\0' ? AT_EMPTY_PATH : 0);
  const int64_t changed = retry([&] { return syscall(SYS_fchmodat2, dirfd, name, kAccessible, flags); });
  return changed == -ENOSYS ? 0 : changed;
}

mode_t withoutPrivilege(mode_t mode) {
  return mode & ~static_cast<mode_t>(S_ISUID | ((mode & S_IXGRP) != 0 ? S_ISGID : 0));
}

/** The attributes a new object is to have. */
struct statx attributesOf(const Making& making, const Object& parent) {
  struct statx st = {};
  st.stx_mode = static_cast<uint16_t>((making.mode & S_IFMT) | (making.mode & 07777 & ~making.umask));
  st.stx_uid = making.uid;
  st.stx_gid = making.gid;
  st.stx_rdev_major = (making.rdev >> 8) & 0xfff;
  st.stx_rdev_minor = (making.rdev & 0xff) | ((making.rdev >> 12) & 0xfff00);
  if ((parent.st.stx_mode & S_ISGID) != 0) {
    st.stx_gid = parent.st.stx_gid;
    if (S_ISDIR(st.stx_mode)) st.stx_mode |= S_ISGID;
  }
  return st;
}

int64_t storeAdd(int64_t mntId, const Name& key) {
  statsAreStored = true;
  for (Mount& mount : mounts) {
    if (mount.id != static_cast<uint64_t>(mntId)) continue;
    mount.keys.emplace_back(key.bytes);
    return 0;
  }
  mounts.push_back({static_cast<uint64_t>(mntId), {key.bytes}});
  return 0;
}

int64_t storeNothing() {
  mounts.clear();
  statsAreStored = false;
  return 0;
}

const Method methods[] = {
    method<storeAdd>("storedStat", "mntId key"),
    method<storeNothing>("noStoredStat", ""),
};

}  // namespace

void showStored(int dirfd, const char* name, struct statx& st) {
  const Mount* mount = mountOf(st);
  if (mount != nullptr) readStored(*mount, dirfd, name, st);
}

Stored chmodStored(int dirfd, const char* name, uint32_t mode) {
  Object object = lookAt(dirfd, name);
  if (object.error < 0) return {true, object.error};
  if (object.mount == nullptr || !object.carries) return {false, 0};
  object.st.stx_mode = static_cast<uint16_t>((object.st.stx_mode & S_IFMT) | (mode & 07777));
  return {true, store(object, dirfd, name)};
}

Stored chownStored(int dirfd, const char* name, uint32_t uid, uint32_t gid) {
  Object object = lookAt(dirfd, name);
  if (object.error < 0) return {true, object.error};
  if (object.mount == nullptr) return {false, 0};
  if (!object.carries) {
    const int flags = AT_SYMLINK_NOFOLLOW | (*name == '\0' ? AT_EMPTY_PATH : 0);
    const int64_t rc = retry([&] { return fchownat(dirfd, name, uid, gid, flags); });
    // There is no place to keep it; as fuse-overlayfs does, such a link stays the daemon's.
    return {true, rc == -EPERM || rc == -EINVAL ? 0 : rc};
  }
  if (uid != UINT32_MAX) object.st.stx_uid = uid;
  if (gid != UINT32_MAX) object.st.stx_gid = gid;
  if (!S_ISDIR(object.st.stx_mode)) object.st.stx_mode = static_cast<uint16_t>(withoutPrivilege(object.st.stx_mode));
  const int64_t rc = store(object, dirfd, name);
  if (rc == 0 && S_ISREG(object.st.stx_mode)) removeXattrOf(dirfd, name, kStoredCapability);
  return {true, rc};
}

Stored makeStored(int dirfd, const char* name, const Making& making, int flags) {
  const Object parent = lookAt(dirfd, "");
  if (parent.error < 0) return {true, parent.error};
  if (parent.mount == nullptr) return {false, 0};
  const bool isDir = S_ISDIR(making.mode);
  const int all = flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int64_t made = isDir ? retry([&] { return mkdirat(dirfd, name, kAccessible); })
                             : retry([&] { return openat(dirfd, name, all, kAccessible); });
  if (made < 0) return {true, made};
  const int64_t rc = writeStored(*parent.mount, dirfd, name, attributesOf(making, parent));
  if (rc < 0) unlinkat(dirfd, name, isDir ? AT_REMOVEDIR : 0);
  if (isDir) return {true, rc};
  if (rc < 0 || !S_ISREG(making.mode)) close(static_cast<int>(made));
  return {true, rc < 0 ? rc : S_ISREG(making.mode) ? made : 0};
}

Stored makeUnnamedStored(int dirfd, const Making& making, int flags) {
  const Object parent = lookAt(dirfd, "");
  if (parent.error < 0) return {true, parent.error};
  if (parent.mount == nullptr) return {false, 0};
  const int64_t fd = retry([&] { return openat(dirfd, ".", O_TMPFILE | O_CLOEXEC | flags, kAccessible); });
  if (fd < 0) return {true, fd};
  const int64_t rc = writeStored(*parent.mount, static_cast<int>(fd), "", attributesOf(making, parent));
  if (rc < 0) close(static_cast<int>(fd));
  return {true, rc < 0 ? rc : fd};
}

Stored killStored(int fd) {
  Object object = lookAt(fd, "");
  if (object.error < 0) return {true, object.error};
  if (object.mount == nullptr) return {false, 0};
  removeXattrOf(fd, "", kStoredCapability);
  const mode_t kept = withoutPrivilege(object.st.stx_mode);
  if (kept == object.st.stx_mode) return {true, 0};
  object.st.stx_mode = static_cast<uint16_t>(kept);
  return {true, writeStored(*object.mount, fd, "", object.st)};
}

const Methods storedStatMethods = {methods, lengthOf(methods)};
