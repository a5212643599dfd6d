/**
 * Commands about containers: run by a process that waits for the next one, loaded and ready (lib/cli/warm), if it is what a new
 * process of ours would be; whenever there is a doubt, we become a new process.
 *
 *     there   three bytes that carry descriptors 0, 1 and 2, then `key=value` NUL, as often as wanted, then the end of the stream
 *             arg       a word of the command line, in its order
 *             cwd umask env       as for a mount
 *             program   the program as it is now; who waits has another one when it was built anew
 *             input     `terminal`: descriptor 0 is a socket that stands for ours
 *     back    letter text NUL, as often as wanted, then the end of the stream:
 *             T         it is taken (before that, nothing it does is seen)
 *             R         make our terminal raw; answered by a byte on that socket
 *             C         have it as it was
 *             I         read our terminal, and write to that socket what comes
 *             E n       it is over: exit with code n
 *
 * After the `T` nothing is sent there: our end, which the kernel tells of by SIGKILL, ends who works for us.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "start.h"

/** The next one starts when a short command is over: not in its way. */
enum { NEXT_DELAY_MS = 300 };
/** For how long it waits, in seconds; TSAUFS_SPARE says otherwise. */
static const char WAIT_S[] = "60";
enum { WAIT_MAX_S = 86400 };
/** Exit code of commands that run a program when we fail ourselves; RUN_EXIT in lib/engine/error.ts. */
enum { EXIT_ENGINE = 125, EXIT_FAILED = 1 };

/** Runs the bundle, with code that is compiled already. */
static const char QUICK[] = "bin/quick.cjs";

/** In the run directory, with a lock on it: the directory and the socket in it. */
static const char PLACE[] = ".warm";
static const char SOCKET[] = ".warm/sock";

/** A command that may be run by somebody else. */
struct verb {
  const char* name;
  /** Whoever gives it will give more: p; it runs a program: r. */
  const char* kind;
};

static const struct verb VERBS[] = {
    {"run", "pr"},   {"exec", "pr"},  {"start", "p"}, {"create", "pr"}, {"stop", "p"},    {"rm", "p"},      {"ps", "p"},
    {"inspect", "p"}, {"logs", "p"},  {"wait", "p"},  {"kill", "p"},    {"pause", "p"},   {"unpause", "p"}, {"restart", "p"},
    {"attach", "p"}, {"top", "p"},    {"cp", "p"},    {"rename", "p"},  {"port", "p"},    {"update", "p"},
    {"diff", ""},  {"stats", ""},    {"events", ""},
};

/** The command among the words, behind `--root DIR`. */
static const struct verb* verb_of(char** words) {
  if (*words != NULL && strncmp(*words, "--root=", 7) == 0) words++;
  else if (*words != NULL && strcmp(*words, "--root") == 0 && words[1] != NULL) words += 2;
  for (size_t i = 0; *words != NULL && i < sizeof VERBS / sizeof *VERBS; i++) {
    if (strcmp(*words, VERBS[i].name) == 0) return &VERBS[i];
  }
  return NULL;
}

/** A path that means another thing in another process: `/dev/fd/63` of a shell's <(...). */
static bool is_ours_alone(const char* path) {
  static const char* const places[] = {"/dev/fd", "/dev/std", "/dev/tty", "/proc/self", "/proc/thread-self"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (strncmp(path, places[i], strlen(places[i])) == 0) return true;
  }
  return false;
}

/** Some word is, or has as a part, such a path. */
static bool names_ours(char** words) {
  for (; *words != NULL; words++) {
    for (const char* at = *words; at != NULL; at = strpbrk(at, "=:,")) {
      if (at != *words) at++;
      if (is_ours_alone(at)) return true;
    }
  }
  return false;
}

/** Seconds for which the next one is to wait; NULL for none, which means none at all. */
static const char* wanted_seconds(void) {
  const char* given = getenv("TSAUFS_SPARE");
  if (given == NULL || *given == '\0') return WAIT_S;
  char* end;
  const long seconds = strtol(given, &end, 10);
  return *end == '\0' && seconds > 0 && seconds <= WAIT_MAX_S ? given : NULL;
}

/** The program and the addon as they are now: a later build, or another installation, has other files. */
static bool identify(const char* script, char* text, size_t room) {
  struct stat program;
  struct stat addon;
  char* path = in_program("build/Release/tsaufs.node");
  const bool found = path != NULL && stat(script, &program) == 0 && stat(path, &addon) == 0;
  free(path);
  if (!found) return false;
  const int length = snprintf(text, room, "%llx:%llx:%llx.%lx+%llx:%llx:%llx.%lx", (unsigned long long)program.st_dev,
      (unsigned long long)program.st_ino, (unsigned long long)program.st_mtim.tv_sec, program.st_mtim.tv_nsec,
      (unsigned long long)addon.st_dev, (unsigned long long)addon.st_ino, (unsigned long long)addon.st_mtim.tv_sec, addon.st_mtim.tv_nsec);
  return length > 0 && (size_t)length < room;
}

/** What a terminal does to those who write in the background hangs on the session they are in. */
static bool stops_writers(void) {
  struct termios settings;
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    if (tcgetattr(fd, &settings) == 0 && (settings.c_lflag & TOSTOP) != 0) return true;
  }
  return false;
}

/** Give him descriptors and request. @return whether he has taken it */
static bool hand_over(struct server* server, const struct bytes* request) {
  int pair[2] = {-1, -1};
  int input = STDIN_FILENO;
  if (isatty(STDIN_FILENO)) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
    input = pair[1];
  }
  const bool sent = send_fd(server->socket, input) && send_fd(server->socket, STDOUT_FILENO) &&
                    send_fd(server->socket, STDERR_FILENO) && send_at_once(server->socket, request);
  const bool taken = sent && is_taken(server->socket);
  if (pair[1] >= 0) close(pair[1]);
  server->input = pair[0];
  if (!taken && pair[0] >= 0) close(pair[0]);
  return taken;
}

/** @return false when nobody waits who would do; *unfit when one waits who does not suit us: a next one would not be found */
static bool find_server(struct server* server, const struct bytes* request, bool* unfit) {
  struct ucred peer;
  *unfit = false;
  server->socket = find_daemon(SOCKET, &peer);
  if (server->socket < 0) return false;
  // As node does at its start.
  raise_limit(RLIMIT_NOFILE, 0);
  server->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
  if (server->pidfd >= 0 && is_like_us(peer.pid) && hand_over(server, request)) return true;
  *unfit = true;
  if (server->pidfd >= 0) close(server->pidfd);
  close(server->socket);
  return false;
}

static bool make_place(const char* dir, mode_t mode) { return mkdir(dir, mode) == 0 || is_own(dir); }

/** Have one wait for the next command. He is nobody's child: we may stay for long, and node would not know him. */
static void keep_next(const char* seconds, const char* identity) {
  struct sockaddr_un run = {0};
  struct sockaddr_un place = {0};
  struct sockaddr_un address = {0};
  if (!socket_address(&run, "") || !socket_address(&place, PLACE) || !socket_address(&address, SOCKET)) return;
  if (!make_place(run.sun_path, strncmp(run.sun_path, "/run/", 5) == 0 ? 0755 : 0700) || !make_place(place.sun_path, 0700)) return;
  if (has_waiting(place.sun_path)) return;
  const pid_t pid = fork();
  if (pid > 0) waitpid(pid, NULL, 0);
  if (pid != 0) return;
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const char* arguments[] = {"--expose-gc", in_program(QUICK), "container-warm", seconds, address.sun_path, identity, NULL};
  const struct later later = {NEXT_DELAY_MS, place.sun_path};
  if (null >= 0 && arguments[1] != NULL) spawn_node(null, -1, arguments, &later);
  _exit(0);
}

/** @return whether somebody else runs it, or nobody can; then we have to become a new process */
static void try_warm(char** words, const struct verb* verb, const char* script, const char* seconds) {
  char identity[160];
  if (!identify(script, identity, sizeof identity) || names_ours(words) || stops_writers()) return;
  struct bytes request = {0};
  append_field(&request, "program", identity);
  append_field(&request, "input", isatty(STDIN_FILENO) ? "terminal" : "own");
  for (char** word = words; *word != NULL; word++) append_field(&request, "arg", *word);
  append_surroundings(&request);
  struct server server = {-1, -1, -1};
  bool unfit;
  note_standard_fds();
  // From the moment on that he runs it, Ctrl-Z stops both or nobody.
  sigset_t before;
  hold_signals(&before);
  const bool served = find_server(&server, &request, &unfit);
  free(request.data);
  if (!unfit && strchr(verb->kind, 'p') != NULL) keep_next(seconds, identity);
  if (served) stand_for(&server, verb->name, strchr(verb->kind, 'r') != NULL ? EXIT_ENGINE : EXIT_FAILED);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

/** A mount in the foreground loads modules beside the bundle, which only node's own loader can. */
static char* quick_script(char** words) {
  const bool mount = *words != NULL && strcmp(*words, "mount") == 0;
  return in_program(mount ? "bin/tsaufs.js" : QUICK);
}

_Noreturn void run_command(char** words) {
  const struct verb* verb = verb_of(words);
  const char* seconds = wanted_seconds();
  char* script = bundle("dist/lib/cli/main.bundle.cjs", "dist/.tsbuildinfo");
  // An ordinary user's commands begin anew as root of his user namespace (lib/engine/rootless): nobody can wait for that.
  if (verb != NULL && seconds != NULL && script != NULL && geteuid() == 0) try_warm(words, verb, script, seconds);
  const bool runs = verb != NULL && strchr(verb->kind, 'r') != NULL;
  become_node(script != NULL ? quick_script(words) : in_program("bin/tsaufs.js"), words, runs ? EXIT_ENGINE : EXIT_MOUNT);
}
