/** Finding node and the program, and starting them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "start.h"

/** fd of the daemon's end of the socket. */
enum { SOCKET_FD = 3 };

/** Room in the daemon's table of descriptors. */
enum { FD_TABLE = 16384 };

const char* program_root(void) {
  static char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return NULL;
  path[length] = '\0';
  // build/Release/tsaufs-start
  for (int i = 0; i < 3; i++) {
    char* slash = strrchr(path, '/');
    if (slash == NULL) return NULL;
    *slash = '\0';
  }
  return path;
}

char* in_program(const char* name) {
  char* path = NULL;
  const char* root = program_root();
  if (root == NULL || asprintf(&path, "%s/%s", root, name) < 0) return NULL;
  return path;
}

/** TSAUFS_NODE says which node it is when that matters; else PATH does, as for any script. */
static const char* node_program(void) {
  const char* given = getenv("TSAUFS_NODE");
  return given != NULL && *given != '\0' ? given : "node";
}

_Noreturn void become_node(const char* script, char** arguments, int code) {
  size_t count = 0;
  while (arguments[count] != NULL) count++;
  char** argv = calloc(count + 3, sizeof *argv);
  if (argv == NULL || script == NULL) _exit(code);
  argv[0] = (char*)node_program();
  argv[1] = (char*)script;
  memcpy(argv + 2, arguments, count * sizeof *argv);
  signal(SIGPIPE, SIG_DFL);
  execvp(argv[0], argv);
  complain_of("%s: cannot be run: %s; set TSAUFS_NODE or PATH", argv[0], errno_name(errno));
  _exit(code);
}

char* bundle(const char* name, const char* made_of) {
  char* path = in_program(name);
  char* source = in_program(made_of);
  struct stat of_bundle;
  struct stat of_source;
  const bool good = path != NULL && source != NULL && stat(path, &of_bundle) == 0 &&
                    (stat(source, &of_source) != 0 || of_bundle.st_mtim.tv_sec >= of_source.st_mtim.tv_sec);
  free(source);
  if (good) return path;
  free(path);
  return NULL;
}

char* daemon_script(void) {
  char* path = bundle("dist/lib/daemon/main.bundle.cjs", "dist/lib/daemon/main.js");
  return path != NULL ? path : in_program("dist/lib/daemon/main.js");
}

static void give_standard_fds(int socket, int chatter) {
  const int null = open("/dev/null", O_RDWR);
  // Out of the way first: any of these may have a number that another one is to have.
  const int high_socket = fcntl(socket, F_DUPFD, 10);
  const int high_chatter = fcntl(chatter < 0 ? null : chatter, F_DUPFD, 10);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  dup2(high_chatter, STDERR_FILENO);
  dup2(high_socket, SOCKET_FD);
  // Whatever else we inherited (a lock, a pipe somebody waits on) must not live as long as the mount.
  syscall(SYS_close_range, SOCKET_FD + 1, ~0u, 0);
}

/**
 * A table for as many descriptors as the daemon will have. It grows by doubling, and in a process with threads, as every
 * node is, each time waits for all processors (expand_fdtable in fs/file.c): tens of milliseconds in the middle of the
 * work. Here there is one thread, and exec keeps the table.
 */
static void roomy_table(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t old = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const int high = fcntl(STDIN_FILENO, F_DUPFD, (int)(limit.rlim_cur < FD_TABLE ? limit.rlim_cur : FD_TABLE) - 1);
  if (high >= 0) close(high);
  limit.rlim_cur = old;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void fresh_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
}

/** Wait for a moment, with a lock by which others see that we are to come; end if somebody else has it. */
static void wait_locked(const struct later* later) {
  const int fd = open(later->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) _exit(0);
  const struct timespec moment = {later->delay_ms / 1000, later->delay_ms % 1000 * 1000000L};
  nanosleep(&moment, NULL);
}

pid_t spawn_node(int socket, int chatter, const char* const* arguments, const struct later* later) {
  const char* argv[12] = {node_program()};
  for (size_t i = 0; arguments[i] != NULL; i++) argv[i + 1] = arguments[i];
  const pid_t pid = fork();
  if (pid != 0) return pid;
  setsid();
  give_standard_fds(socket, chatter);
  if (later != NULL) {
    // Nobody is to be kept from unmounting where we happen to be.
    if (chdir("/") != 0) _exit(0);
    wait_locked(later);
  }
  roomy_table();
  fresh_signals();
  execvp(argv[0], (char**)argv);
  dprintf(SOCKET_FD, "E%d %s: %s: it cannot be run; set TSAUFS_NODE or PATH%c", EXIT_MOUNT, argv[0],
          errno_name(errno), '\0');
  _exit(EXIT_MOUNT);
}

bool send_all(int socket, const struct bytes* request) {
  for (size_t done = 0; done < request->length;) {
    const ssize_t rc = send(socket, request->data + done, request->length - done, MSG_NOSIGNAL);
    if (rc < 0 && errno != EINTR) return false;
    if (rc > 0) done += (size_t)rc;
  }
  return shutdown(socket, SHUT_WR) == 0;
}

int start_daemon(struct daemon* daemon, const struct bytes* request, const char* place) {
  int pair[2];
  int chatter[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || pipe2(chatter, O_CLOEXEC) != 0) return errno;
  const char* arguments[] = {daemon_script(), "serve", place, NULL};
  if (arguments[0] == NULL) return ENOENT;
  const pid_t pid = spawn_node(pair[1], chatter[1], arguments, NULL);
  if (pid < 0) return errno;
  close(pair[1]);
  close(chatter[1]);
  *daemon = (struct daemon){.socket = pair[0], .chatter = chatter[0], .pid = pid};
  // If it has died, that shows when we listen to it.
  send_all(pair[0], request);
  return 0;
}
