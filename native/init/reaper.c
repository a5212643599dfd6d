/** The small init (`--init`): process 1 passes signals on to the program and buries everybody. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

/** Wait for all who died. @return exit code of `program` once it is among them, else -1 */
static int bury(pid_t program) {
  int code = -1;
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == program) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return code;
}

static _Noreturn void reap(pid_t program, const sigset_t* all) {
  for (;;) {
    siginfo_t info;
    const int number = sigwaitinfo(all, &info);
    if (number < 0) continue;
    if (number != SIGCHLD) {
      // It may just have died: SIGCHLD is next then.
      (void)kill(program, number);
      continue;
    }
    const int code = bury(program);
    if (code >= 0) _exit(code);
  }
}

int step_reaper(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  sigset_t all;
  sigfillset(&all);
  int rc = sys(sigprocmask(SIG_SETMASK, &all, NULL));
  if (rc >= 0) rc = sys(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
  if (rc < 0) return rc;
  const pid_t program = fork();
  if (program < 0) return -errno;
  if (program == 0) return sys(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  rc = sys(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
  if (rc >= 0) rc = sys_close_range(3, ~0U, 0);
  if (rc < 0) _exit(EXIT_OURS);
  // The container sees this process: it need not see where on the host we live, or what the caller's environment was.
  forget_origin("init");
  reap(program, &all);
}
