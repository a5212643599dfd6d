/**
 * Owner, mode and device of objects kept in an extended attribute, for a daemon that may not set the real ones:
 *
 *     UID:GID:MODE[:TYPE]    MODE octal; TYPE file, dir, symlink, pipe, socket, block-MAJOR-MINOR or char-MAJOR-MINOR
 *
 * The real files are accessible to the daemon; devices, fifos and sockets are empty regular files. What keeps them so is a
 * mount, told apart by its id: branches lie on private clones of their mounts. Everything that asks for attributes or sets
 * them goes through here once there is such a mount. Source: fuse-overlayfs(1), xattr_permissions; containers/storage,
 * pkg/idtools, which is where TYPE comes from.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/** Is there any such mount? */
extern bool statsAreStored;

/** Put the stored attributes, if there are any, in the place of the real ones. `st` needs STATX_MNT_ID. */
void showStored(int dirfd, const char* name, struct statx& st);

/** How an operation ended that may have been for such a mount. */
struct Stored {
  bool mine;
  int64_t result;
};

Stored chmodStored(int dirfd, const char* name, uint32_t mode);
/** -1 leaves uid or gid. suid, sgid and a stored capability go, as chown(2) has it. */
Stored chownStored(int dirfd, const char* name, uint32_t uid, uint32_t gid);

/** Who makes something, and how: `mode` with its type. */
struct Making {
  uint32_t mode;
  uint32_t rdev;
  uint32_t uid;
  uint32_t gid;
  uint32_t umask;
};

/** Make a directory or an empty file in `dirfd`. The result is an fd, opened with `flags`, for a regular file; else 0. */
Stored makeStored(int dirfd, const char* name, const Making& making, int flags);
/** The same for O_TMPFILE. */
Stored makeUnnamedStored(int dirfd, const Making& making, int flags);

/** Take suid, sgid and a stored capability away, as a write does. */
Stored killStored(int fd);
