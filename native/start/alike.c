/** Is a process that waits what a child of ours would be? fork(2), execve(2) and credentials(7) say what that is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "start.h"

/** All of a file in /proc; false if it is not there, the same on both sides then. */
static bool slurp(const char* process, const char* name, struct bytes* text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/%s", process, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char part[4096];
  for (ssize_t rc; (rc = read(fd, part, sizeof part)) > 0;) append(text, part, (size_t)rc);
  close(fd);
  append(text, "", 1);
  return true;
}

static bool same_text(const char* name, const char* process) {
  struct bytes ours = {0};
  struct bytes theirs = {0};
  const bool have = slurp("self", name, &ours);
  const bool has = slurp(process, name, &theirs);
  const bool same = have == has && ours.length == theirs.length && memcmp(ours.data, theirs.data, ours.length) == 0;
  free(ours.data);
  free(theirs.data);
  return same || (!have && !has);
}

bool same_object(const char* name, const char* process) {
  char path[64];
  struct stat ours;
  struct stat theirs;
  snprintf(path, sizeof path, "/proc/self/%s", name);
  const int have = stat(path, &ours);
  snprintf(path, sizeof path, "/proc/%s/%s", process, name);
  const int has = stat(path, &theirs);
  if (have != 0 || has != 0) return have == has && errno == ENOENT;
  return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/** Lines of /proc/PID/status that say what a process may do and where it may run. */
static bool same_status(const char* process) {
  static const char* const keys[] = {"Uid:",    "Gid:",    "Groups:",       "CapInh:",  "CapPrm:",           "CapEff:",
                                     "CapBnd:", "CapAmb:", "NoNewPrivs:",   "Seccomp:", "Seccomp_filters:",
                                     "Cpus_allowed:",      "Mems_allowed:", "THP_enabled:"};
  struct bytes ours = {0};
  struct bytes theirs = {0};
  bool same = slurp("self", "status", &ours) && slurp(process, "status", &theirs);
  for (size_t i = 0; same && i < sizeof keys / sizeof *keys; i++) {
    const char* a = strstr(ours.data, keys[i]);
    const char* b = strstr(theirs.data, keys[i]);
    if (a == NULL || b == NULL) same = a == b;
    else same = strcspn(a, "\n") == strcspn(b, "\n") && strncmp(a, b, strcspn(a, "\n")) == 0;
  }
  free(ours.data);
  free(theirs.data);
  return same;
}

bool is_like_us(pid_t pid) {
  static const char* const objects[] = {"root",   "ns/mnt", "ns/user",   "ns/pid",  "ns/pid_for_children", "ns/net",
                                        "ns/ipc", "ns/uts", "ns/cgroup", "ns/time", "ns/time_for_children"};
  static const char* const texts[] = {"cgroup", "limits", "oom_score_adj", "loginuid", "attr/current", "personality"};
  char process[16];
  snprintf(process, sizeof process, "%d", (int)pid);
  for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
    if (!same_object(objects[i], process)) return false;
  }
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!same_text(texts[i], process)) return false;
  }
  return same_status(process) && getpriority(PRIO_PROCESS, 0) == getpriority(PRIO_PROCESS, (id_t)pid);
}
