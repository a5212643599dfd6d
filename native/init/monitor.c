/** tsaufs-init monitor, and tsaufs-init exec: from a plan to a running program, and from there to its end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor.h"
#include "verbs.h"

/** Descriptors by contract with the command line. */
enum { PLAN_FD = 3, REPORT_FD = 4, GO_FD = 5, CLIENT_FD = 6 };

extern char** environ;

static struct monitor the_monitor;

static void report_failure(void) {
  struct queue line = {0};
  char start[96];
  snprintf(start, sizeof start, "{\"step\":%d,\"exit\":%d,\"errno\":\"%s\",\"what\":\"", fault.step, fault.exit_code, errno_name(fault.error));
  queue_text(&line, start);
  queue_json(&line, fault.what, strlen(fault.what));
  queue_text(&line, "\",\"path\":\"");
  queue_json(&line, fault.path, strlen(fault.path));
  queue_text(&line, "\"}\n");
  // Who started us may be gone: then there is nobody to tell.
  (void)write_all(REPORT_FD, line.data, line.length);
}

static int report_pid(const char* key, pid_t pid) {
  char line[48];
  const int length = snprintf(line, sizeof line, "{\"%s\":%d}\n", key, pid);
  return write_all(REPORT_FD, line, (size_t)length);
}

/** Away from the caller's terminal, session, mask and signals. */
static int detach(void) {
  (void)setsid();
  umask(077);
  const int null = sys(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null < 0) return failed(null, "open the null device", "/dev/null");
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(null, fd) < 0) return failed(-errno, "leave the terminal", NULL);
  }
  if (null > 2) close(null);
  sigset_t blocked;
  sigemptyset(&blocked);
  const int numbers[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&blocked, numbers[i]);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  for (int fd = PLAN_FD; fd <= CLIENT_FD; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
  // A pipe that somebody above us left open would not end as long as the container lives.
  const int closed = sys_close_range(CLIENT_FD + 1, ~0U, 0);
  if (closed < 0) return failed(closed, "close what is not needed", NULL);
  the_monitor.signals = sys(signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK));
  return failed(the_monitor.signals, "take signals", NULL);
}

static int make_pipe(int* read_end, int* write_end) {
  int ends[2];
  const int rc = sys(pipe2(ends, O_CLOEXEC));
  if (rc < 0) return failed(rc, "make a pipe", NULL);
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

/** What will be 0, 1 and 2 of the program, and our ends of it. A terminal comes from the container later. */
static int open_stdio(struct monitor* monitor, struct stage* stage) {
  int rc = 0;
  const bool pipes = monitor->settings.io == IO_PIPES;
  if (pipes && monitor->settings.has_stdin) rc = make_pipe(&stage->stdio[0], &monitor->input);
  else rc = stage->stdio[0] = sys(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int i = 0; i < 2 && rc >= 0; i++) {
    if (pipes) rc = make_pipe(&monitor->outputs[i], &stage->stdio[i + 1]);
    else stage->stdio[i + 1] = stage->stdio[0];
    if (pipes && rc >= 0) rc = sys(fcntl(monitor->outputs[i], F_SETFL, O_NONBLOCK));
  }
  // The root of a user namespace can give to its users only what is his.
  const struct settings* settings = &monitor->settings;
  const bool owned = settings->io_uid != (uint32_t)-1;
  for (int i = 0; i < 3 && rc >= 0 && pipes && owned; i++) {
    if (i > 0 || settings->has_stdin) rc = sys(fchown(stage->stdio[i], settings->io_uid, settings->io_gid));
  }
  if (rc >= 0 && monitor->input >= 0) rc = sys(fcntl(monitor->input, F_SETFL, O_NONBLOCK));
  return failed(rc < 0 ? rc : 0, "open stdio", NULL);
}

static void close_stdio(const struct stage* stage) {
  for (int i = 0; i < 3; i++) {
    if (i == 0 || stage->stdio[i] != stage->stdio[0]) close(stage->stdio[i]);
  }
}

static int listen_for_clients(struct monitor* monitor) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "attach.sock"};
  unlink(address.sun_path);
  const int fd = sys(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int rc = fd < 0 ? fd : sys(bind(fd, (const struct sockaddr*)&address, sizeof address));
  if (rc >= 0) rc = sys(listen(fd, CLIENTS_MAX));
  monitor->listener = fd;
  if (rc >= 0 && (monitor->settings.conduct & CONDUCT_ATTACHED) != 0) rc = add_client(monitor, CLIENT_FD, true);
  return failed(rc, "listen on", address.sun_path);
}

static int open_log(struct monitor* monitor) {
  monitor->log.fd = -1;
  if ((monitor->settings.conduct & CONDUCT_LOG) == 0) return 0;
  monitor->log.fd = sys(open("log.json", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  return failed(monitor->log.fd < 0 ? monitor->log.fd : 0, "open the log", "log.json");
}

/** Read and check everything before anything is done. */
static int prepare(struct monitor* monitor, struct stage* stage) {
  int rc = read_plan(PLAN_FD, &monitor->plan);
  close(PLAN_FD);
  if (rc >= 0) rc = read_settings(&monitor->plan, &monitor->settings);
  if (rc < 0) return rc;
  struct stage rehearsal = {.checking = true};
  rc = perform_steps(&rehearsal, &monitor->plan);
  if (rc < 0) return rc;
  stage->joins = monitor->settings.target != 0;
  rc = open_stdio(monitor, stage);
  if (rc >= 0) rc = open_log(monitor);
  if (rc >= 0) rc = listen_for_clients(monitor);
  return rc;
}

/** The command line is told the pid and gets the time to do its part (the network). */
static int wait_for_go(struct monitor* monitor) {
  char byte;
  int rc = report_pid("created", monitor->child.pid);
  if (rc < 0) return failed(rc, "report", NULL);
  ssize_t got;
  do {
    got = read(GO_FD, &byte, 1);
  } while (got < 0 && errno == EINTR);
  close(GO_FD);
  accept_clients(monitor);
  return got == 1 ? 0 : failed(got < 0 ? -errno : -ECANCELED, "wait for the go", NULL);
}

static int start(struct monitor* monitor, struct stage* stage) {
  int rc = make_child(&monitor->settings, &monitor->plan, stage, &monitor->child);
  close_stdio(stage);
  if (rc >= 0) rc = write_monitor_record(monitor);
  monitor->oom_kills = count_oom_kills(monitor);
  if (rc >= 0) rc = continue_child(&monitor->child);
  if (rc == 1) {
    rc = wait_for_go(monitor);
    if (rc >= 0) rc = continue_child(&monitor->child);
  }
  if (rc < 0) {
    end_child(&monitor->child);
    return rc;
  }
  close(monitor->child.sync);
  if (monitor->child.master < 0) return 0;
  monitor->outputs[0] = monitor->child.master;
  if (monitor->settings.has_stdin) monitor->input = monitor->child.master;
  return failed(sys(fcntl(monitor->child.master, F_SETFL, O_RDWR | O_NONBLOCK)), "use the terminal", NULL);
}

static _Noreturn void become_exit_command(char* const* argv) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  execvp(argv[0], argv);
  _exit(EXIT_OURS);
}

int run_monitor(void) {
  struct monitor* monitor = &the_monitor;
  struct stage stage = {.root = -1, .null = -1, .sync = -1, .stdio = {-1, -1, -1}};
  for (int i = 0; i < SOURCES_MAX; i++) stage.sources[i] = -1;
  monitor->outputs[0] = monitor->outputs[1] = monitor->input = monitor->listener = -1;
  int rc = detach();
  if (rc >= 0) rc = prepare(monitor, &stage);
  if (rc >= 0) rc = start(monitor, &stage);
  if (rc < 0) {
    unlink("attach.sock");
    unlink("monitor.json");
    report_failure();
    return fault.exit_code;
  }
  // The program runs; whether somebody still listens no longer matters.
  (void)report_pid("pid", monitor->child.pid);
  close(REPORT_FD);
  rc = run_loop(monitor);
  siginfo_t end = {0};
  while (waitid(P_PID, (id_t)monitor->child.pid, &end, WEXITED) < 0 && errno == EINTR) continue;
  struct queue text = {0};
  describe_exit(monitor, &end, &text);
  if (rc >= 0) rc = write_record("exit.json", &text);
  unlink("attach.sock");
  tell_all(monitor, FRAME_EXIT, text.data, text.length);
  if (!part_from_clients(monitor) && monitor->settings.exit_command[0] != NULL)
    become_exit_command((char* const*)monitor->settings.exit_command);
  return rc < 0 ? EXIT_OURS : 0;
}
