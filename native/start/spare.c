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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "start.h"

/** A spare says within this that it takes the request; one that is stopped or swapped out does not. */
enum { TAKE_TIMEOUT_MS = 300 };

/** A spare starts when the work that the mount was for has begun, or ended: not in its way. */
enum { SPARE_DELAY_MS = 1000 };

/** Name of the socket in the run directory. */
static const char SPARE[] = ".spare.sock";

/** Whether a live spare did not suit: then another one would not be found behind it either. */
static bool unfit;

bool is_own(const char* path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

bool socket_address(struct sockaddr_un* address, const char* name) {
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

void raise_limit(__rlimit_resource_t resource, rlim_t to) {
  struct rlimit limit = {to, to};
  if (to == RLIM_INFINITY && setrlimit(resource, &limit) == 0) return;
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(resource, &limit);
}

/** What every daemon does with its limits (the addon's prepareProcess(); that of open files node raises itself), so that they can be compared with those of one that has done it. */
static void raise_limits(void) {
  raise_limit(RLIMIT_NOFILE, 0);
  raise_limit(RLIMIT_FSIZE, RLIM_INFINITY);
  raise_limit(RLIMIT_CORE, RLIM_INFINITY);
}

int find_daemon(const char* name, struct ucred* peer) {
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

bool send_fd(int socket, int fd) {
  struct iovec data = {"", 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

bool send_at_once(int socket, const struct bytes* request) {
  const ssize_t rc = send(socket, request->data, request->length, MSG_NOSIGNAL | MSG_DONTWAIT);
  return rc == (ssize_t)request->length && shutdown(socket, SHUT_WR) == 0;
}

bool is_taken(int socket) {
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
    const bool taken = send_fd(socket, chatter[1]) && send_at_once(socket, request) && is_taken(socket);
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

bool has_waiting(const char* dir) {
  const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return true;
  const bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return held;
}

void keep_spare(const char* seconds) {
  struct sockaddr_un address = {0};
  struct sockaddr_un dir = {0};
  if (unfit || !socket_address(&address, SPARE) || !socket_address(&dir, "") || has_waiting(dir.sun_path)) return;
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const char* arguments[] = {"--expose-gc", daemon_script(), "spare", seconds, address.sun_path, NULL};
  const struct later later = {SPARE_DELAY_MS, dir.sun_path};
  if (null >= 0 && arguments[1] != NULL) spawn_node(null, -1, arguments, &later);
}
