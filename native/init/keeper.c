/**
 * All containers of an ordinary user are in one user namespace, where he is root, with a mount namespace beside it in which
 * their roots are mounted. A small process, the keeper, holds both for as long as anybody else is in them.
 *
 * FILE says who it is: `BOOT PID START`. It is locked: shared by who enters, exclusively by who makes a keeper, and by the keeper
 * while it looks whether it is still needed. So nobody enters what is just ending.
 */
#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

enum { BOOT_ROOM = 40, RECORD_ROOM = 128 };

static int lock(int fd, int how) {
  int rc;
  do {
    rc = sys(flock(fd, how));
  } while (rc == -EINTR);
  return rc;
}

static bool has_name(int fd, const char* path) {
  struct stat open_one;
  struct stat named;
  return fstat(fd, &open_one) == 0 && lstat(path, &named) == 0 && open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

int lock_keeper_file(const char* path, int how) {
  for (;;) {
    const int fd = sys(open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd < 0) return fd;
    const int rc = lock(fd, how);
    // Whoever had it before us may have taken it away.
    if (rc >= 0 && has_name(fd, path)) return fd;
    close(fd);
    if (rc < 0) return rc;
  }
}

static int read_boot(int proc, char boot[BOOT_ROOM]) {
  const int rc = proc_read(proc, "sys/kernel/random/boot_id", boot, BOOT_ROOM);
  boot[strcspn(boot, "\n")] = '\0';
  return rc < 0 ? rc : 0;
}

int join_keeper(int fd) {
  char text[RECORD_ROOM];
  char kept[BOOT_ROOM];
  char boot[BOOT_ROOM];
  int pid;
  uint64_t start;
  uint64_t found;
  const ssize_t length = pread(fd, text, sizeof text - 1, 0);
  text[length < 0 ? 0 : length] = '\0';
  if (sscanf(text, "%39s %d %" SCNu64, kept, &pid, &start) != 3 || pid <= 0) return -ESRCH;
  const int proc = proc_open("/proc");
  int rc = proc < 0 ? failed(proc, "look at the processes", "/proc") : read_boot(proc, boot);
  if (rc >= 0 && strcmp(boot, kept) != 0) rc = -ESRCH;
  if (rc >= 0 && (proc_start(proc, pid, &found) < 0 || found != start)) rc = -ESRCH;
  if (proc >= 0) close(proc);
  return rc < 0 ? rc : join_process(pid, start, CLONE_NEWUSER | CLONE_NEWNS);
}

/** A process that is over and not yet buried. */
static bool is_zombie(int proc, const char* pid) {
  char path[32];
  char text[512];
  snprintf(path, sizeof path, "%.16s/stat", pid);
  if (proc_read(proc, path, text, sizeof text) < 0) return true;
  const char* at = strrchr(text, ')');
  return at == NULL || at[1] == '\0' || at[2] == 'Z' || at[2] == 'X';
}

/** pidfd of somebody else in our user namespace; -ESRCH when there is nobody. */
static int find_other(void) {
  struct stat ours;
  struct stat theirs;
  const int proc = proc_open("/proc");
  DIR* list = proc < 0 ? NULL : fdopendir(proc);
  if (list == NULL || fstatat(proc, "self/ns/user", &ours, 0) < 0) return -ESRCH;
  int found = -ESRCH;
  for (const struct dirent* each; found < 0 && (each = readdir(list)) != NULL;) {
    char path[40];
    const int pid = atoi(each->d_name);
    if (pid <= 0 || pid == getpid()) continue;
    snprintf(path, sizeof path, "%d/ns/user", pid);
    if (fstatat(proc, path, &theirs, 0) < 0 || theirs.st_ino != ours.st_ino || is_zombie(proc, each->d_name)) continue;
    found = sys_pidfd_open(pid);
  }
  closedir(list);
  return found;
}

/** Nobody finds us by the file any more. */
static bool is_forgotten(int fd) {
  char text[RECORD_ROOM];
  int pid = 0;
  const ssize_t length = pread(fd, text, sizeof text - 1, 0);
  text[length < 0 ? 0 : length] = '\0';
  return sscanf(text, "%*s %d", &pid) != 1 || pid != getpid();
}

static _Noreturn void keep(const char* path) {
  for (;;) {
    const int fd = lock_keeper_file(path, LOCK_EX);
    const int other = find_other();
    if (other < 0) {
      if (fd >= 0 && !is_forgotten(fd)) unlink(path);
      _exit(0);
    }
    if (fd >= 0) close(fd);
    struct pollfd until = {.fd = other, .events = POLLIN};
    while (poll(&until, 1, -1) < 0 && errno == EINTR) continue;
    close(other);
  }
}

static void tell(int talk, int value) { (void)!write(talk, &value, sizeof value); }

/** @return false when nobody is there any more */
static bool hear(int talk, int* value) {
  ssize_t got;
  do {
    got = read(talk, value, sizeof *value);
  } while (got < 0 && errno == EINTR);
  return got == sizeof *value;
}

/** Nothing of whoever needed us first: his session, terminal, directory, files. */
static int detach(int talk) {
  (void)setsid();
  const int null = sys(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
  signal(SIGPIPE, SIG_IGN);
  const int rc = close_others(&talk, 1);
  return rc < 0 ? rc : sys(chdir("/"));
}

/** @return 1 for new namespaces, which have no maps yet; 0 for those of `kin` */
static int enter_namespaces(struct kin kin) {
  if (kin.pid > 0 && join_process(kin.pid, kin.start, CLONE_NEWUSER | CLONE_NEWNS) >= 0) return 0;
  const int rc = sys(unshare(CLONE_NEWUSER | CLONE_NEWNS));
  return rc < 0 ? rc : 1;
}

static _Noreturn void be_keeper(const char* path, int talk, struct kin kin) {
  int go;
  char* own = strdup(path);
  int rc = own == NULL ? -ENOMEM : detach(talk);
  if (rc >= 0) rc = enter_namespaces(kin);
  const int made = rc;
  // Its owner finds the namespaces by it; programs in containers have not the rights that it has.
  if (rc >= 0) rc = sys(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  tell(talk, rc < 0 ? rc : getpid());
  tell(talk, made);
  if (rc < 0 || !hear(talk, &go)) _exit(EXIT_OURS);
  rc = sys(setresgid(0, 0, 0));
  if (rc >= 0) rc = sys(setresuid(0, 0, 0));
  if (rc >= 0) rc = sys(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  tell(talk, rc);
  if (rc < 0 || !hear(talk, &go)) _exit(EXIT_OURS);
  close(talk);
  forget_origin("tsaufs-userns");
  keep(own);
}

static int write_keeper(int fd, pid_t pid) {
  char boot[BOOT_ROOM];
  char text[RECORD_ROOM];
  uint64_t start = 0;
  const int proc = proc_open("/proc");
  int rc = proc < 0 ? proc : read_boot(proc, boot);
  if (rc >= 0) rc = proc_start(proc, pid, &start);
  if (proc >= 0) close(proc);
  if (rc < 0) return rc;
  const int length = snprintf(text, sizeof text, "%s %d %" PRIu64 "\n", boot, pid, start);
  rc = sys(ftruncate(fd, 0));
  if (rc < 0) return rc;
  return pwrite(fd, text, (size_t)length, 0) == length ? 0 : -EIO;
}

/** Its end of the talk: what it says is its pid, whether maps are wanting, and then whether it became root. */
static int bring_up(int talk, int fd, const struct maps* maps) {
  int said;
  if (!hear(talk, &said)) return failed(-EPIPE, "make a user namespace", NULL);
  if (said < 0) return failed(said, "make a user namespace", NULL);
  const pid_t pid = said;
  int rc = !hear(talk, &said) ? -EPIPE : said == 1 ? write_maps(maps, pid) : 0;
  if (rc < 0) return failed(rc, "make a user namespace", NULL);
  tell(talk, 0);
  if (!hear(talk, &said)) said = -EPIPE;
  if (said < 0) return failed(said, "become root of the user namespace", NULL);
  rc = failed(write_keeper(fd, pid), "write", "the keeper of the user namespace");
  if (rc >= 0) tell(talk, 0);
  return rc;
}

int make_keeper(const char* path, int fd, const struct maps* maps, struct kin kin) {
  int ends[2];
  int rc = sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  if (rc < 0) return failed(rc, "make a socket", NULL);
  const pid_t between = fork();
  if (between == 0) {
    // It is nobody's child: who becomes another program would not bury it.
    if (fork() == 0) be_keeper(path, ends[1], kin);
    _exit(0);
  }
  close(ends[1]);
  rc = between < 0 ? failed(-errno, "fork", NULL) : 0;
  while (between > 0 && waitpid(between, NULL, 0) < 0 && errno == EINTR) continue;
  // Without our end it ends by itself.
  if (rc >= 0) rc = bring_up(ends[0], fd, maps);
  close(ends[0]);
  return rc;
}
