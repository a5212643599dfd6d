/**
 * monitor -- fork --> helper -- clone(CLONE_PARENT) --> child
 *
 * A pid or a time namespace is entered only by what is forked afterwards, and a user namespace cannot be left again. So a
 * helper does both, and forks the child as the monitor's own child, to be waited for by it. The helper then ends.
 */
#include <inttypes.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static int write_self(const char* file, const char* text) {
  char path[48];
  const int proc = proc_open("/proc");
  if (proc < 0) return proc;
  snprintf(path, sizeof path, "%d/%s", getpid(), file);
  // Files of an untraceable process belong to root; for the moment of this write we are an ordinary one.
  const bool ordinary = geteuid() != 0;
  if (ordinary) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const int rc = proc_write(proc, path, text, strlen(text));
  if (ordinary) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  close(proc);
  return rc;
}

/** What only somebody in the host's user namespace may do, or what must be done in its /proc. */
static int prepare(const struct settings* settings) {
  if ((settings->conduct & CONDUCT_OOM_SCORE) != 0) {
    char text[16];
    snprintf(text, sizeof text, "%d", settings->oom_score);
    const int rc = failed(write_self("oom_score_adj", text), "set the OOM score", text);
    if (rc < 0) return rc;
  }
  for (uint32_t i = 0; i < settings->raise_count; i++) {
    const struct raise* raise = &settings->raises[i];
    struct rlimit limit;
    int rc = raise->resource < RLIM_NLIMITS ? 0 : -EBADMSG;
    if (rc == 0) rc = sys(getrlimit((__rlimit_resource_t)raise->resource, &limit));
    if (rc == 0 && limit.rlim_max < raise->hard) {
      limit.rlim_max = raise->hard;
      rc = sys(setrlimit((__rlimit_resource_t)raise->resource, &limit));
    }
    if (failed(rc, "set a limit", raise->name) < 0) return rc;
  }
  return 0;
}

static int open_joined(const struct joined* joined) {
  const int fd = sys(open(joined->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd < 0) return fd;
  const int type = fs_magic(fd) == NSFS_MAGIC ? sys(ioctl(fd, NS_GET_NSTYPE)) : -EINVAL;
  if (type == joined->type) return fd;
  close(fd);
  return type < 0 ? type : -EINVAL;
}

/** Join what paths name. What is refused at first may be ours to join once we are in the user namespace. */
static int join_paths(const struct settings* settings) {
  int fds[JOINED_MAX];
  for (uint32_t i = 0; i < settings->joined_count; i++) {
    fds[i] = open_joined(&settings->joined[i]);
    if (fds[i] < 0) return failed(fds[i], "join the namespace", settings->joined[i].path);
  }
  for (int turn = 0; turn < 3; turn++) {
    for (uint32_t i = 0; i < settings->joined_count; i++) {
      const bool is_user = settings->joined[i].type == CLONE_NEWUSER;
      if (fds[i] < 0 || is_user != (turn == 1)) continue;
      const int rc = sys_setns(fds[i], settings->joined[i].type);
      if (rc == -EPERM && turn == 0) continue;
      if (rc < 0) return failed(rc, "join the namespace", settings->joined[i].path);
      close(fds[i]);
      fds[i] = -1;
    }
  }
  return 0;
}

static int make_user_namespace(int sync) {
  const bool ordinary = geteuid() != 0;
  int rc = sys(unshare(CLONE_NEWUSER));
  if (rc < 0) return failed(rc, "make a user namespace", NULL);
  // The monitor is a user as we were: it may write our maps only while we can be traced.
  if (ordinary) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  rc = sync_send(sync, SYNC_MAPS, 0, -1);
  if (rc >= 0) sync_wait(sync);
  if (ordinary) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return rc;
}

static int set_offsets(const struct settings* settings) {
  char text[128];
  snprintf(text, sizeof text, "monotonic %" PRId64 " %" PRIu32 "\nboottime %" PRId64 " %" PRIu32 "\n", settings->monotonic_s,
    settings->monotonic_ns, settings->boottime_s, settings->boottime_ns);
  return failed(write_self("timens_offsets", text), "set the clocks", NULL);
}

static int enter_namespaces(const struct settings* settings, int sync) {
  int rc = settings->target == 0 ? 0 : join_process(settings->target, settings->target_start, ~0);
  if (rc >= 0) rc = join_paths(settings);
  if (rc >= 0 && (settings->new_namespaces & CLONE_NEWUSER) != 0) rc = make_user_namespace(sync);
  const int rest = settings->new_namespaces & ~CLONE_NEWUSER;
  if (rc >= 0 && rest != 0) rc = failed(sys(unshare(rest)), "make namespaces", NULL);
  if (rc >= 0 && settings->has_offsets) rc = set_offsets(settings);
  return rc;
}

static _Noreturn void be_child(const struct plan* plan, struct stage* stage) {
  // Nothing of the caller's: execution domain, masks; and no end without the monitor's.
  int rc = sys(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  if (rc >= 0) rc = sys(personality(PER_LINUX));
  // Only the privileged may be nicer to themselves.
  (void)setpriority(PRIO_PROCESS, 0, 0);
  umask(0);
  if (failed(rc, "begin", NULL) < 0) give_up(stage->sync);
  sync_wait(stage->sync);
  if (stage->root == -1 && stage->joins) stage->root = sys(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  perform_steps(stage, plan);
  give_up(stage->sync);
}

static _Noreturn void be_helper(const struct settings* settings, const struct plan* plan, struct stage* stage) {
  int keep[] = {stage->sync, stage->stdio[0], stage->stdio[1], stage->stdio[2]};
  int rc = failed(close_others(keep, sizeof keep / sizeof *keep), "close what is not needed", NULL);
  if (rc >= 0) rc = sys(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  if (rc >= 0) rc = prepare(settings);
  if (rc >= 0) rc = enter_namespaces(settings, stage->sync);
  if (rc < 0) give_up(stage->sync);
  const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) {
    failed(-errno, "fork", NULL);
    give_up(stage->sync);
  }
  if (pid == 0) be_child(plan, stage);
  if (sync_send(stage->sync, SYNC_CHILD, (int)pid, -1) < 0) kill((pid_t)pid, SIGKILL);
  _exit(0);
}

/** Answer the helper until it has named the child. */
static int follow_helper(const struct settings* settings, pid_t helper, struct child* child) {
  struct sync_message message;
  int fd;
  for (;;) {
    const int rc = sync_receive(child->sync, &message, &fd);
    if (fd >= 0) close(fd);
    if (rc == 0) return failed(-EPIPE, "make namespaces", NULL);
    if (rc < 0) return failed(rc, "hear from the helper", NULL);
    if (message.kind == SYNC_FAILED) {
      fault = message.failure;
      return -fault.error;
    }
    if (message.kind == SYNC_CHILD) {
      child->pid = message.value;
      return 0;
    }
    if (message.kind != SYNC_MAPS) return failed(-EPROTO, "hear from the helper", NULL);
    const int written = write_maps(&settings->maps, helper);
    if (written < 0) return written;
    const int sent = sync_send(child->sync, SYNC_CONTINUE, 0, -1);
    if (sent < 0) return failed(sent, "talk to the helper", NULL);
  }
}

int enter_cgroups(const struct settings* settings, pid_t pid) {
  char text[16];
  const int length = snprintf(text, sizeof text, "%d", pid);
  for (uint32_t i = 0; i < settings->procs_count; i++) {
    const char* path = settings->procs[i];
    const int fd = sys(open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    const long magic = fd < 0 ? fd : fs_magic(fd);
    int rc = magic < 0 ? (int)magic : magic == CGROUP_MAGIC || magic == CGROUP2_MAGIC ? 0 : -EXDEV;
    if (rc == 0) rc = write_all(fd, text, (size_t)length);
    if (fd >= 0) close(fd);
    if (failed(rc, "enter the cgroup", path) < 0) return rc;
  }
  return 0;
}

void end_child(struct child* child) {
  if (child->pid > 0) {
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) continue;
  }
  child->pid = 0;
}

int make_child(const struct settings* settings, const struct plan* plan, struct stage* stage, struct child* child) {
  int ends[2];
  *child = (struct child){.pidfd = -1, .sync = -1, .master = -1};
  int rc = sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  if (rc < 0) return failed(rc, "make a socket", NULL);
  child->sync = ends[0];
  stage->sync = ends[1];
  stage->ordinary = geteuid() != 0 && settings->target == 0 && settings->joined_count == 0;
  const pid_t helper = fork();
  if (helper == 0) {
    be_helper(settings, plan, stage);
  }
  rc = helper < 0 ? failed(-errno, "fork", NULL) : 0;
  close(ends[1]);
  if (rc == 0) rc = follow_helper(settings, helper, child);
  if (rc < 0 && helper > 0) kill(helper, SIGKILL);
  while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR) continue;
  if (rc == 0) rc = enter_cgroups(settings, child->pid);
  if (rc == 0) rc = child->pidfd = failed(sys_pidfd_open(child->pid), "open the child", NULL);
  if (rc < 0) end_child(child);
  return rc < 0 ? rc : 0;
}

int continue_child(struct child* child) {
  struct sync_message message;
  int fd;
  bool ready = false;
  int rc = sync_send(child->sync, SYNC_CONTINUE, 0, -1);
  while (rc >= 0) {
    rc = sync_receive(child->sync, &message, &fd);
    if (rc == 1 && message.kind == SYNC_CREATED) return 1;
    if (rc == 1 && message.kind == SYNC_CONSOLE && fd >= 0 && child->master < 0) child->master = fd;
    else if (fd >= 0) close(fd);
    if (rc == 1 && message.kind == SYNC_READY) ready = true;
    if (rc == 1 && message.kind == SYNC_FAILED) {
      fault = message.failure;
      end_child(child);
      return -fault.error;
    }
    if (rc != 0) continue;
    if (ready) return 0;
    // Killed before it was the program: by hand, or for want of memory in its cgroup.
    rc = failed(-ECHILD, "set up the container: the process was killed", NULL);
  }
  failed(rc, "talk to the child", NULL);
  end_child(child);
  return rc;
}
