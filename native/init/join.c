/** Entering namespaces that exist: of a process, by its pidfd, or those a path names. */
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"

static const struct {
  int type;
  const char* name;
} KINDS[] = {
  {CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"}, {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWNET, "net"},
  {CLONE_NEWPID, "pid"}, {CLONE_NEWCGROUP, "cgroup"}, {0x80 /* CLONE_NEWTIME */, "time"},
};

/** Is that namespace of `pid` another one than ours? -errno when it cannot be seen. */
static int differs(int proc, pid_t pid, const char* name) {
  char path[48];
  struct stat theirs;
  struct stat ours;
  snprintf(path, sizeof path, "%d/ns/%s", pid, name);
  int rc = sys(fstatat(proc, path, &theirs, 0));
  snprintf(path, sizeof path, "%d/ns/%s", getpid(), name);
  if (rc >= 0) rc = sys(fstatat(proc, path, &ours, 0));
  // Kernels without a kind of namespace have no file for it.
  if (rc == -ENOENT) return 0;
  return rc < 0 ? rc : theirs.st_ino != ours.st_ino;
}

int join_process(pid_t target, uint64_t start, int only) {
  const int proc = proc_open("/proc");
  if (proc < 0) return failed(proc, "look at the container's process", "/proc");
  uint64_t found = 0;
  int flags = 0;
  const int process = sys_pidfd_open(target);
  // The descriptor first, then the look: a number that is used again in between shows in the time it started.
  int rc = process < 0 ? process : proc_start(proc, target, &found);
  if (rc >= 0 && start != 0 && found != start) rc = -ESRCH;
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS && rc >= 0; i++) {
    if ((KINDS[i].type & only) == 0) continue;
    rc = differs(proc, target, KINDS[i].name);
    if (rc > 0) flags |= KINDS[i].type;
  }
  close(proc);
  if (rc >= 0 && flags != 0) rc = sys_setns(process, flags);
  if (process >= 0) close(process);
  return failed(rc < 0 ? rc : 0, "join the container's namespaces", NULL);
}
