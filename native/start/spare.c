/**
 * The warm spare: a daemon that was started in advance and waits on a socket in the run directory. It takes a request only
 * if it is what a new process of ours would be; whenever there is a doubt, a new process it is.
 *
 * A new process inherits from us. What of that can be given to a spare comes with the request (directory, umask,
 * environment, stderr); everything else has to be the same already. fork(2), execve(2) and credentials(7) say what there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "start.h"

/** A spare says within this that it takes the request; one that is stopped or swapped out does not. */
enum { TAKE_TIMEOUT_MS = 300 };

/** Names of sockets in the run directory. */
static const char SPARE[] = ".spare.sock";

/** Whether a live spare did not suit: then another one would not be found behind it either. */
static bool unfit;

/** A directory of ours. In a user namespace /run/tsaufs is usually that of the root outside. */
static bool is_own(const char* path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/** The directory of lib/daemon/rundir.ts, where it is beyond doubt. */
static bool socket_address(struct sockaddr_un* address, const char* name) {
  const char* given = getenv("TSAUFS_RUN_DIR");
  const char* runtime = getenv("XDG_RUNTIME_DIR");
  const char* dir = "/run/tsaufs";
  const char* below = "";
  if (given != NULL && *given != '\0') {
    dir = given;
  } else if (geteuid() != 0 || !is_own(dir)) {
    if (runtime == NULL || *runtime == '\0') return false;
    dir = runtime;
    below = "/tsaufs";
  }
  address->sun_family = AF_UNIX;
  const int length = snprintf(address->sun_path, sizeof address->sun_path, "%s%s/%s", dir, below, name);
  return *dir == '/' && length > 0 && (size_t)length < sizeof address->sun_path;
}

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

/** The same object behind two links of /proc: a namespace, a root directory. */
static bool same_object(const char* name, const char* process) {
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

/** What a child of ours would be, that process is. */
static bool is_like_us(pid_t pid) {
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

/** As far up as may be, like the addon's prepareProcess(); and node raises that of open files itself. */
static void raise_limit(__rlimit_resource_t resource, rlim_t to) {
  struct rlimit limit = {to, to};
  if (to == RLIM_INFINITY && setrlimit(resource, &limit) == 0) return;
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(resource, &limit);
}

/** What every daemon does with its limits, so that they can be compared with those of one that has done it. */
static void raise_limits(void) {
  raise_limit(RLIMIT_NOFILE, 0);
  raise_limit(RLIMIT_FSIZE, RLIM_INFINITY);
  raise_limit(RLIMIT_CORE, RLIM_INFINITY);
}

/** Connect to a process of our user that listens in the run directory. @return fd or -1 */
static int find_daemon(const char* name, struct ucred* peer) {
  struct sockaddr_un address = {0};
  struct stat st;
  if (!socket_address(&address, name) || lstat(address.sun_path, &st) != 0) return -1;
  if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) return -1;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  socklen_t length = sizeof *peer;
  if (connect(fd, (struct sockaddr*)&address, sizeof address) == 0) {
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length) == 0 && peer->uid == geteuid() && peer->pid > 0) return fd;
  } else if (errno == ECONNREFUSED) {
    // It was killed.
    unlink(address.sun_path);
  }
  close(fd);
  return -1;
}

/** A byte that carries the writing end of our pipe, to be its stderr, and the request. */
static bool send_with_fd(int socket, const struct bytes* request, int fd) {
  struct iovec data[] = {{"", 1}, {request->data, request->length}};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {
      .msg_iov = data, .msg_iovlen = 2, .msg_control = control.space, .msg_controllen = sizeof control.space};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  // What does not fit into the socket at once is not for a spare.
  const ssize_t rc = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return rc == (ssize_t)request->length + 1 && shutdown(socket, SHUT_WR) == 0;
}

/** Its `T`. Without it the spare has done nothing, and after our closing it never will. */
static bool is_taken(int socket) {
  struct pollfd ready = {socket, POLLIN, 0};
  if (poll(&ready, 1, TAKE_TIMEOUT_MS) <= 0) shutdown(socket, SHUT_RDWR);
  char record[2];
  return recv(socket, record, sizeof record, MSG_WAITALL) == sizeof record && record[0] == 'T';
}

bool ask_spare(struct daemon* daemon, const struct bytes* request) {
  struct ucred peer;
  const int socket = find_daemon(SPARE, &peer);
  int chatter[2];
  if (socket < 0) return false;
  raise_limits();
  if (is_like_us(peer.pid) && pipe2(chatter, O_CLOEXEC) == 0) {
    const bool taken = send_with_fd(socket, request, chatter[1]) && is_taken(socket);
    close(chatter[1]);
    if (taken) {
      *daemon = (struct daemon){.socket = socket, .chatter = chatter[0], .pid = peer.pid, .spare = true};
      return true;
    }
    close(chatter[0]);
  }
  unfit = true;
  close(socket);
  return false;
}

static bool ask_named(struct daemon* daemon, const char* name, const struct bytes* request) {
  struct ucred peer;
  const int socket = find_daemon(name, &peer);
  if (socket < 0) return false;
  char process[16];
  snprintf(process, sizeof process, "%d", (int)peer.pid);
  const bool near = same_object("ns/mnt", process) && same_object("ns/user", process) && same_object("root", process);
  if (near && send_all(socket, request) && is_taken(socket)) {
    *daemon = (struct daemon){.socket = socket, .chatter = -1, .pid = peer.pid, .spare = true, .beside = true};
    return true;
  }
  close(socket);
  return false;
}

bool ask_beside(struct daemon* daemon, const char* options, const struct bytes* request) {
  char hash[32];
  char name[64];
  if (!layers_hash(options, hash, sizeof hash)) return false;
  snprintf(name, sizeof name, "%s.%d.sock", hash, (int)getppid());
  if (ask_named(daemon, name, request)) return true;
  snprintf(name, sizeof name, "%s.sock", hash);
  return ask_named(daemon, name, request);
}

/** Is there a spare, or one on its way? It holds a lock on the run directory (lib/daemon/spare.ts). */
static bool has_spare(const char* dir) {
  const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return true;
  const bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return held;
}

void keep_spare(const char* seconds) {
  struct sockaddr_un address = {0};
  struct sockaddr_un dir = {0};
  if (unfit || !socket_address(&address, SPARE) || !socket_address(&dir, "") || has_spare(dir.sun_path)) return;
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const char* arguments[] = {"--expose-gc", "spare", seconds, address.sun_path, NULL};
  if (null >= 0) spawn_node(null, -1, arguments, dir.sun_path);
}
