#include "file-system.h"

#include <linux/magic.h>
#include <stdint.h>
#include <sys/vfs.h>

FileSystem kindOf(int fd) {
  struct statfs st;
  if (fstatfs(fd, &st) != 0) return FileSystem::remote;
  switch (static_cast<uint32_t>(st.f_type)) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
      return FileSystem::memory;
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case V9FS_MAGIC:
    case CEPH_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
      return FileSystem::remote;
    default:
      return FileSystem::disk;
  }
}
