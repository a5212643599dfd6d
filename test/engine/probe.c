/**
 * Attacks that take system calls of their own. Static, runs in the containers of test/engine/attacks.
 * usage: probe fds                         descriptors above 2
 *        probe escape PATH                 out of the root by chroot(2) and a kept descriptor: does PATH show?
 *        probe with-key NAME COMMAND...    run a command with a secret in its session keyring
 *        probe find-key NAME               is that secret in ours?
 *        probe terminal                    put a character into the input of a terminal that is not ours
 *        probe abstract NAME               connect to an abstract unix socket
 *        probe apart COMMAND...            run a command as root of new user, mount and cgroup namespaces
 *        probe calls                       system calls that no container needs: those that are not refused
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { JOIN_SESSION = 1, SEARCH = 10, SESSION = -3, FDS = 4096, UP = 64 };

static int fds(void) {
  int any = 0;
  for (int fd = 3; fd < FDS; fd++) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    char link[32], target[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, target, sizeof target);
    printf("%d %.*s\n", fd, (int)(length < 0 ? 0 : length), target);
    any = 1;
  }
  if (!any) puts("none");
  return 0;
}

static int escape(const char* path) {
  const int root = open("/", O_RDONLY | O_DIRECTORY);
  mkdir("/tmp/jail", 0700);
  if (chroot("/tmp/jail") < 0) return puts(strerrorname_np(errno));
  if (fchdir(root) < 0) return puts(strerrorname_np(errno));
  for (int i = 0; i < UP; i++) (void)!chdir("..");
  if (chroot(".") < 0) return puts(strerrorname_np(errno));
  puts(access(path, F_OK) == 0 ? "outside" : "inside");
  return 0;
}

static int with_key(const char* name, char** command) {
  if (syscall(SYS_keyctl, JOIN_SESSION, NULL) < 0) return perror("keyctl"), 1;
  if (syscall(SYS_add_key, "user", name, "secret", 6UL, SESSION) < 0) return perror("add_key"), 1;
  execvp(command[0], command);
  return perror(command[0]), 1;
}

static int find_key(const char* name) {
  const long key = syscall(SYS_keyctl, SEARCH, SESSION, "user", name, 0);
  puts(key < 0 ? strerrorname_np(errno) : "found");
  return 0;
}

static int terminal(void) {
  int injected = 0;
  const int own = open("/dev/tty", O_RDWR | O_NOCTTY);
  const int tries[] = {0, 1, 2, own};
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
    if (tries[i] < 0 || !isatty(tries[i])) continue;
    (void)ioctl(tries[i], TIOCSCTTY, 1);
    injected |= ioctl(tries[i], TIOCSTI, "x") == 0;
  }
  puts(injected ? "injected" : own >= 0 ? "has a terminal" : "none");
  return 0;
}

static int abstract(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strlen(name);
  memcpy(address.sun_path + 1, name, length);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const int rc = connect(fd, (struct sockaddr*)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
  puts(rc == 0 ? "reached" : strerrorname_np(errno));
  return 0;
}

static int write_map(const char* path, unsigned id) {
  const int fd = open(path, O_WRONLY);
  return dprintf(fd, "0 %u 1", id);
}

static int apart(char** command) {
  const unsigned uid = getuid(), gid = getgid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0) return perror("unshare"), 1;
  const int deny = open("/proc/self/setgroups", O_WRONLY);
  if (write(deny, "deny", 4) < 0 || write_map("/proc/self/uid_map", uid) < 0 || write_map("/proc/self/gid_map", gid) < 0) return perror("maps"), 1;
  execvp(command[0], command);
  return perror(command[0]), 1;
}

/** With arguments that do no harm where the call is let through, and do not fail by EPERM either. */
static const struct {
  const char* name;
  long number, first, second;
  int refusal;
} CALLS[] = {
  {"keyctl", SYS_keyctl, 0, SESSION, EPERM},
  {"add_key", SYS_add_key, 0, 0, EPERM},
  {"request_key", SYS_request_key, 0, 0, EPERM},
  {"bpf", SYS_bpf, 1000, 0, EPERM},
  {"unshare of a user namespace", SYS_unshare, CLONE_NEWUSER, 0, EPERM},
  {"setns", SYS_setns, -1, 0, EPERM},
  {"mount", SYS_mount, 0, 0, EPERM},
  {"pivot_root", SYS_pivot_root, 0, 0, EPERM},
  {"kexec_load", SYS_kexec_load, 0, 0, EPERM},
  {"open_by_handle_at", SYS_open_by_handle_at, -1, 0, EPERM},
  {"userfaultfd", SYS_userfaultfd, -1, 0, EPERM},
  {"io_uring_setup", SYS_io_uring_setup, 1, 0, EPERM},
  {"perf_event_open", SYS_perf_event_open, 0, 0, EPERM},
  {"personality", SYS_personality, 0x0040000, 0, EPERM},
  {"a socket of AF_VSOCK", SYS_socket, 40, SOCK_STREAM, EPERM},
  {"a socket of AF_ALG", SYS_socket, 38, SOCK_SEQPACKET, EPERM},
  {"clone3", SYS_clone3, 0, 0, ENOSYS},
};

#ifdef __x86_64__
/** add_key(2) as a program of i386 makes it. */
static long by_int80(void) {
  long rc;
  __asm__ volatile("int $0x80" : "=a"(rc) : "a"(286L), "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory", "r8", "r9", "r10", "r11");
  return (int)rc;
}
#endif

static int calls(void) {
  int refused = 1;
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
    const long rc = syscall(CALLS[i].number, CALLS[i].first, CALLS[i].second, 0, 0, 0);
    if (rc < 0 && errno == CALLS[i].refusal) continue;
    printf("%s: %s\n", CALLS[i].name, rc < 0 ? strerrorname_np(errno) : "done");
    refused = 0;
  }
#ifdef __x86_64__
  if (by_int80() != -EPERM) refused = printf("add_key of i386\n") < 0;
#endif
  if (refused) puts("all refused");
  return 0;
}

int main(int argc, char** argv) {
  const char* word = argc > 1 ? argv[1] : "";
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(word, "fds") == 0) return fds();
  if (strcmp(word, "calls") == 0) return calls();
  if (strcmp(word, "terminal") == 0) return terminal();
  if (argc > 2 && strcmp(word, "escape") == 0) return escape(argv[2]);
  if (argc > 2 && strcmp(word, "find-key") == 0) return find_key(argv[2]);
  if (argc > 2 && strcmp(word, "abstract") == 0) return abstract(argv[2]);
  if (argc > 2 && strcmp(word, "apart") == 0) return apart(argv + 2);
  if (argc > 3 && strcmp(word, "with-key") == 0) return with_key(argv[2], argv + 3);
  return 2;
}
