/**
 * tsaufs-init: performs the plan of a container and stays with it as its monitor. One thread, no heap growth that a
 * container can drive, every function answers >= 0 or -errno.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Exit codes of our own, as docker's. */
enum { EXIT_OURS = 125, EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

/** Why something failed: sent from the child to the monitor as it is, and from there to the command line as JSON. */
struct failure {
  /** Index of the step, -1 for what comes before the first. */
  int32_t step;
  int32_t error;
  int32_t exit_code;
  char what[64];
  char path[512];
};

/** The first failure of this process. */
extern struct failure fault;

/**
 * Note what failed, unless something was noted already.
 * @param rc  -errno; >= 0 notes nothing.
 * @return rc
 */
int failed(int rc, const char* what, const char* path);

/** `ENOENT` for 2; `E?` for a number that has no name. */
const char* errno_name(int error);

/* -- sys.c: system calls that libc does not wrap, or wraps with errno -- */

int sys(int rc);
int sys_openat2(int dir, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_open_tree(int dir, const char* path, unsigned flags);
int sys_move_mount(int from, int to);
int sys_fsopen(const char* type);
int sys_fsconfig(int fs, unsigned command, const char* key, const void* value);
int sys_fsmount(int fs, unsigned attributes);
int sys_mount_setattr(int tree, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation);
int sys_pidfd_open(pid_t pid);
int sys_setns(int fd, int flags);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
/** Close all descriptors above 2 but those; `keep` is sorted in place. */
int close_others(int* keep, size_t count);
/** Write all of it; a short write is an error. */
int write_all(int fd, const void* data, size_t length);

/* -- proc.c: /proc, verified -- */

enum { PROC_MAGIC = 0x9fa0, DEVPTS_MAGIC = 0x1cd1, NSFS_MAGIC = 0x6e736673, CGROUP_MAGIC = 0x27e0eb, CGROUP2_MAGIC = 0x63677270 };

/** Magic of the file system `fd` is on, or -errno. */
long fs_magic(int fd);
/** The root of a procfs: `path` opened and checked to be one (type and inode 1): -EXDEV if it is something else. */
int proc_open(const char* path);
/** A procfs of our own that is attached nowhere. -EPERM where the kernel refuses one. */
int proc_detached(void);
/** Write to a file below `proc`, over no link and no mount. */
int proc_write(int proc, const char* path, const char* text, size_t length);
/** Read up to `room - 1` bytes and end them with NUL. @return length */
int proc_read(int proc, const char* path, char* buffer, size_t room);
/** Field 22 of stat: when the process started, in clock ticks after the boot. */
int proc_start(int proc, pid_t pid, uint64_t* start);

/* -- self.c -- */

/** Make this program run from a sealed copy of itself; comes back only when it does. */
int run_from_sealed_copy(char** argv);
/** /proc/PID of this process belongs to root and nobody may trace it. */
int become_untraceable(void);
/** Where the words lie that this process was started with, for `forget_origin`. */
void remember_words(char** argv);
/** Name this process `name`, in ps as well, and wipe the words and the environment it was started with. */
void forget_origin(const char* name);
