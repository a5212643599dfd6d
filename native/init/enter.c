/** tsaufs-init enter [--all] PID -- COMMAND...: what must run in a container's namespaces, but is not of the container. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "verbs.h"

static const char USAGE[] = "usage: tsaufs-init enter [--all] PID -- COMMAND [ARGUMENT...]\n";

static int complain(void) {
  dprintf(STDERR_FILENO, "tsaufs-init: %s%s%s: %s\n", fault.what, *fault.path == '\0' ? "" : " ", fault.path, errno_name(fault.error));
  return fault.exit_code;
}

static _Noreturn void become(char** argv) {
  execvp(argv[0], argv);
  fault.exit_code = errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
  failed(-errno, "execute", argv[0]);
  _exit(complain());
}

/** A pid namespace is entered only by what is forked: stand in for the command then. */
static int stand_in(char** argv) {
  int status;
  const pid_t pid = fork();
  if (pid == 0) become(argv);
  if (pid < 0) return -errno;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_enter(int argc, char** argv) {
  const bool all = argc > 0 && strcmp(argv[0], "--all") == 0;
  if (all) {
    argc--;
    argv++;
  }
  char* end = NULL;
  const long pid = argc > 2 ? strtol(argv[0], &end, 10) : 0;
  if (pid <= 0 || pid > INT_MAX || *end != '\0' || strcmp(argv[1], "--") != 0) {
    dprintf(STDERR_FILENO, USAGE);
    return 2;
  }
  char where[PATH_MAX];
  const bool has_cwd = getcwd(where, sizeof where) != NULL;
  int rc = join_process((pid_t)pid, 0, all ? ~0 : CLONE_NEWUSER | CLONE_NEWNS);
  if (rc < 0) return complain();
  // Where the namespace maps a root, be it: what the command makes then has an owner there.
  if (setresgid(0, 0, 0) == 0) (void)!setresuid(0, 0, 0);
  if (has_cwd && chdir(where) < 0) (void)!chdir("/");
  if (!all) become(argv + 2);
  rc = stand_in(argv + 2);
  return rc < 0 ? EXIT_OURS : rc;
}
