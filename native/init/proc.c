/** procfs that is known to be one: a file that only looks like it can neither swallow nor redirect what is written. */
#include <inttypes.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "init.h"

/** PROC_ROOT_INO of the kernel. */
enum { PROC_ROOT = 1 };

long fs_magic(int fd) {
  struct statfs about;
  const int rc = sys(fstatfs(fd, &about));
  return rc < 0 ? rc : (long)(about.f_type & 0xffffffff);
}

static int check_root(int fd) {
  struct stat about;
  if (fs_magic(fd) != PROC_MAGIC) return -EXDEV;
  const int rc = sys(fstat(fd, &about));
  if (rc < 0) return rc;
  return about.st_ino == PROC_ROOT ? 0 : -EXDEV;
}

int proc_open(const char* path) {
  const int fd = sys(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0) return fd;
  const int rc = check_root(fd);
  if (rc == 0) return fd;
  close(fd);
  return rc;
}

int proc_detached(void) {
  const int fs = sys_fsopen("proc");
  if (fs < 0) return fs;
  int rc = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL);
  if (rc == 0) rc = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  close(fs);
  return rc;
}

static int open_below(int proc, const char* path, int flags) {
  const int fd = sys_openat2(proc, path, (uint64_t)flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  if (fd < 0) return fd;
  if (fs_magic(fd) == PROC_MAGIC) return fd;
  close(fd);
  return -EXDEV;
}

int proc_write(int proc, const char* path, const char* text, size_t length) {
  const int fd = open_below(proc, path, O_WRONLY);
  if (fd < 0) return fd;
  // One write: these files take their text whole or not at all.
  const ssize_t rc = write(fd, text, length);
  const int error = errno;
  close(fd);
  if (rc < 0) return -error;
  return (size_t)rc == length ? 0 : -EIO;
}

int proc_read(int proc, const char* path, char* buffer, size_t room) {
  const int fd = open_below(proc, path, O_RDONLY);
  if (fd < 0) return fd;
  size_t length = 0;
  int error = 0;
  while (length + 1 < room) {
    const ssize_t rc = read(fd, buffer + length, room - 1 - length);
    if (rc < 0) error = errno;
    if (rc <= 0) break;
    length += (size_t)rc;
  }
  close(fd);
  buffer[length] = '\0';
  return error != 0 ? -error : (int)length;
}

int proc_start(int proc, pid_t pid, uint64_t* start) {
  char path[32];
  char text[1024];
  snprintf(path, sizeof path, "%d/stat", pid);
  const int rc = proc_read(proc, path, text, sizeof text);
  if (rc < 0) return rc;
  // The name in parentheses may hold anything, also parentheses: fields are counted from the last one on.
  const char* at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at != NULL && sscanf(at, " %" SCNu64, start) == 1 ? 0 : -EPROTO;
}
