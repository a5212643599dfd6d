/** System calls as functions that answer >= 0 or -errno. */
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

int sys(int rc) { return rc < 0 ? -errno : rc; }

int sys_openat2(int dir, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  int rc;
  // EAGAIN: a rename or a mount crossed the walk of a RESOLVE_IN_ROOT; bounded, since somebody may do that for ever.
  for (int turn = 0; turn < 128; turn++) {
    rc = sys((int)syscall(SYS_openat2, dir, path, &how, sizeof how));
    if (rc != -EAGAIN && rc != -EINTR) break;
  }
  return rc;
}

int sys_open_tree(int dir, const char* path, unsigned flags) {
  return sys((int)syscall(SYS_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC));
}

int sys_move_mount(int from, int to) {
  return sys((int)syscall(SYS_move_mount, from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int sys_fsopen(const char* type) { return sys((int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }

int sys_fsconfig(int fs, unsigned command, const char* key, const void* value) {
  return sys((int)syscall(SYS_fsconfig, fs, command, key, value, 0));
}

int sys_fsmount(int fs, unsigned attributes) { return sys((int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes)); }

int sys_mount_setattr(int tree, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation) {
  struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  return sys((int)syscall(SYS_mount_setattr, tree, "", flags | AT_EMPTY_PATH, &attr, sizeof attr));
}

int sys_pidfd_open(pid_t pid) { return sys((int)syscall(SYS_pidfd_open, pid, 0)); }

int sys_setns(int fd, int flags) { return sys(setns(fd, flags)); }

int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return sys((int)syscall(SYS_close_range, first, last, flags));
}

int close_others(int* keep, size_t count) {
  for (size_t i = 1; i < count; i++) {
    for (size_t at = i; at > 0 && keep[at - 1] > keep[at]; at--) {
      const int other = keep[at];
      keep[at] = keep[at - 1];
      keep[at - 1] = other;
    }
  }
  int first = 3;
  for (size_t i = 0; i < count; i++) {
    if (keep[i] < first) continue;
    const int rc = keep[i] == first ? 0 : sys_close_range((unsigned)first, (unsigned)keep[i] - 1, 0);
    if (rc < 0) return rc;
    first = keep[i] + 1;
  }
  return sys_close_range((unsigned)first, ~0U, 0);
}

int write_all(int fd, const void* data, size_t length) {
  for (size_t done = 0; done < length;) {
    const ssize_t rc = write(fd, (const char*)data + done, length - done);
    if (rc < 0 && errno == EINTR) continue;
    if (rc < 0) return -errno;
    done += (size_t)rc;
  }
  return 0;
}
