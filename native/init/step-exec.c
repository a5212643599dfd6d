/** The last steps: go on when told, find the directory, become the program. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

static const char HOME_IS[] = "HOME=";

int step_go(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  // An ordinary user can enter the namespaces (and mount there) only of a process that he could trace. Nobody else can yet.
  if (stage->ordinary) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const int rc = sync_send(stage->sync, SYNC_CREATED, 0, -1);
  if (rc >= 0) sync_wait(stage->sync);
  return rc < 0 ? rc : sys(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

int step_cwd(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  const bool early = get_u32(fields) != 0;
  DECODED(stage, fields);
  char where[PATH_MAX];
  // All but what is no directory, so that /proc/self/fd leads nowhere.
  int keep[] = {stage->sync, stage->stdio[0], stage->stdio[1], stage->stdio[2]};
  int rc = close_others(keep, early ? sizeof keep / sizeof *keep : 1);
  stage->root = stage->null = -1;
  if (rc < 0) return rc;
  if (!stage->in_place) rc = sys(chdir(path));
  // Once more as the user, who may be allowed what we are not (on a file system of his).
  if (early && (rc == -EACCES || rc == -EPERM)) return 0;
  // The kernel says "(unreachable)/..." of a directory that is not below the root.
  if (rc >= 0) rc = sys((int)syscall(SYS_getcwd, where, sizeof where));
  if (rc >= 0 && where[0] != '/') rc = -ENOENT;
  stage->in_place = rc >= 0;
  return failed(rc, "change the directory", path);
}

/** argv or envp from the plan; `spare` free places before the NULL. */
static char** get_strings(struct reader* fields, uint32_t* count, uint32_t spare) {
  *count = get_u32(fields);
  // Each string takes five bytes at least.
  if (fields->bad || *count > (size_t)(fields->end - fields->at) / 5) {
    fields->bad = true;
    return NULL;
  }
  char** list = calloc(*count + spare + 1, sizeof *list);
  for (uint32_t i = 0; i < *count; i++) {
    const char* text = get_string(fields);
    if (list != NULL) list[i] = (char*)text;
  }
  return list;
}

static const char* look_in(char** env, const char* prefix) {
  const char* value = NULL;
  for (; *env != NULL; env++) {
    if (strncmp(*env, prefix, strlen(prefix)) == 0) value = *env + strlen(prefix);
  }
  return value;
}

/** Back to what a program expects: default dispositions, nothing blocked. */
static void reset_signals(void) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  // KILL, STOP and the two of libc cannot be set: they have no other disposition.
  for (int each = 1; each < NSIG; each++) (void)sigaction(each, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/** execve over PATH of the container. Comes back with the error only; a place that is not absolute is not looked at. */
static int execute(char** argv, char** env) {
  if (strchr(argv[0], '/') != NULL) {
    execve(argv[0], argv, env);
    return -errno;
  }
  const char* places = look_in(env, "PATH=");
  int answer = -ENOENT;
  for (const char* at = places; at != NULL && *argv[0] != '\0';) {
    const size_t length = strcspn(at, ":");
    char path[PATH_MAX];
    if (*at == '/' && snprintf(path, sizeof path, "%.*s/%s", (int)length, at, argv[0]) < (int)sizeof path) {
      execve(path, argv, env);
      if (errno == EACCES) answer = -EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) return -errno;
    }
    at = at[length] == ':' ? at + length + 1 : NULL;
  }
  return answer;
}

int step_exec(struct stage* stage, struct reader* fields) {
  uint32_t argc;
  uint32_t count;
  char** argv = get_strings(fields, &argc, 0);
  char** env = get_strings(fields, &count, 1);
  const bool wrong = !at_end(fields) || argc == 0;
  if (wrong || stage->checking) {
    free(argv);
    free(env);
    return wrong ? -EBADMSG : 0;
  }
  if (argv == NULL || env == NULL) return -ENOMEM;
  char home[sizeof HOME_IS + sizeof stage->home];
  if (look_in(env, HOME_IS) == NULL) {
    snprintf(home, sizeof home, "%s%s", HOME_IS, *stage->home == '\0' ? "/" : stage->home);
    env[count] = home;
  }
  int rc = sync_send(stage->sync, SYNC_READY, 0, -1);
  if (rc >= 0) rc = sys_close_range(3, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */);
  if (rc >= 0) rc = sys(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
  if (rc < 0) return rc;
  reset_signals();
  rc = execute(argv, env);
  fault.exit_code = rc == -ENOENT || rc == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
  return failed(rc, "execute", argv[0]);
}
