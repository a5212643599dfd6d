/**
 * The thin client: a command whose work a process in another session does. What the kernel does to us, for we are in the job and at the
 * terminal of whoever typed it, is passed on: signals, stops, the end. And what only we may do at the terminal is done here:
 * read it and change it, so that job control means us (SIGTTIN, SIGTTOU).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "start.h"

/** What is passed on. SIGKILL and SIGSTOP nobody sees; the end is seen all the same. */
static const int PASSED[] = {SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGXCPU,
                             SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSYS,  SIGTRAP, SIGABRT, SIGWINCH};

struct client {
  const struct server* server;
  const char* name;
  int lost_code;
  int signals;
  /** The last one passed on that ends who does not expect it. */
  int deadly;
  struct bytes unread;
  /** Our terminal is read; what he has not taken yet. */
  bool reading;
  char typed[4096];
  size_t typed_from;
  size_t typed_to;
};

static struct {
  int flags;
  bool terminal;
  struct termios settings;
} standard[3];

void note_standard_fds(void) {
  for (int fd = 0; fd < 3; fd++) {
    standard[fd].flags = fcntl(fd, F_GETFL);
    standard[fd].terminal = tcgetattr(fd, &standard[fd].settings) == 0;
  }
}

/** As node does at its end, for descriptors that outlive it. */
static void restore_standard_fds(void) {
  sigset_t stopping;
  sigset_t before;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGTTOU);
  sigprocmask(SIG_BLOCK, &stopping, &before);
  for (int fd = 0; fd < 3; fd++) {
    struct termios now;
    if (fcntl(fd, F_GETFL) != standard[fd].flags) fcntl(fd, F_SETFL, standard[fd].flags);
    const bool changed = standard[fd].terminal && tcgetattr(fd, &now) == 0 &&
                         memcmp(&now, &standard[fd].settings, sizeof now) != 0;
    if (changed) tcsetattr(fd, TCSANOW, &standard[fd].settings);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static void signal_server(const struct client* client, int signal) {
  syscall(SYS_pidfd_send_signal, client->server->pidfd, signal, NULL, 0);
}

static sigset_t handled(void) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof PASSED / sizeof *PASSED; i++) sigaddset(&set, PASSED[i]);
  sigaddset(&set, SIGTSTP);
  return set;
}

void hold_signals(sigset_t* before) {
  const sigset_t set = handled();
  sigprocmask(SIG_BLOCK, &set, before);
}

/** All that is passed on comes by the descriptor; everything else does what it does to a new process. */
static int take_signals(void) {
  const sigset_t set = handled();
  for (int number = 1; number < SIGRTMIN; number++) {
    if (number != SIGPIPE) signal(number, SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &set, NULL);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

/** Ctrl-Z: he stops, then we do. */
static void stop(const struct client* client) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  signal_server(client, SIGSTOP);
  kill(getpid(), SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal_server(client, SIGCONT);
}

static void pass_signal(struct client* client) {
  struct signalfd_siginfo info;
  if (read(client->signals, &info, sizeof info) != sizeof info) return;
  const int number = (int)info.ssi_signo;
  if (number == SIGTSTP) {
    stop(client);
    return;
  }
  signal_server(client, number);
  if (number != SIGCONT && number != SIGWINCH) client->deadly = number;
}

static _Noreturn void leave(int code) {
  restore_standard_fds();
  _exit(code);
}

/** He is gone and has not said why: of the signal we passed on, or of one that somebody sent him. */
static _Noreturn void lost(const struct client* client) {
  restore_standard_fds();
  if (client->deadly != 0) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    sigset_t empty;
    sigemptyset(&empty);
    kill(getpid(), client->deadly);
    sigprocmask(SIG_SETMASK, &empty, NULL);
  }
  complain_of("%s: EIO: the process that ran it ended without a word", client->name);
  _exit(client->lost_code);
}

/** The terminal passes bytes on as they are. In the background that stops us, as it should: he waits for the answer. */
static void make_raw(const struct client* client) {
  struct termios raw = standard[STDIN_FILENO].settings;
  cfmakeraw(&raw);
  while (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0 && errno == EINTR) continue;
  send(client->server->input, "", 1, MSG_NOSIGNAL);
}

static void take_record(void* about, const char* record) {
  struct client* client = about;
  switch (*record) {
    case 'R': make_raw(client); break;
    case 'C': tcsetattr(STDIN_FILENO, TCSADRAIN, &standard[STDIN_FILENO].settings); break;
    case 'I': client->reading = client->server->input >= 0; break;
    case 'E': leave((int)strtol(record + 1, NULL, 10));
    default: break;
  }
}

static void hear(struct client* client) {
  char part[256];
  const ssize_t rc = read(client->server->socket, part, sizeof part);
  if (rc < 0 && errno == EINTR) return;
  if (rc <= 0) lost(client);
  append(&client->unread, part, (size_t)rc);
  take_records(&client->unread, take_record, client);
}

/** What is typed, or its end. A terminal that has gone gives errors, which are an end too. */
static void read_terminal(struct client* client) {
  const ssize_t rc = read(STDIN_FILENO, client->typed, sizeof client->typed);
  if (rc < 0 && (errno == EINTR || errno == EAGAIN)) return;
  client->typed_from = 0;
  client->typed_to = rc > 0 ? (size_t)rc : 0;
  if (rc > 0) return;
  client->reading = false;
  shutdown(client->server->input, SHUT_WR);
}

static void give_typed(struct client* client) {
  const ssize_t rc = send(client->server->input, client->typed + client->typed_from, client->typed_to - client->typed_from,
                          MSG_NOSIGNAL | MSG_DONTWAIT);
  if (rc > 0) client->typed_from += (size_t)rc;
  // He reads no more; his end will be told otherwise.
  if (rc < 0 && errno != EAGAIN && errno != EINTR) client->reading = false;
}

_Noreturn void stand_for(const struct server* server, const char* name, int lost_code) {
  struct client client = {.server = server, .name = name, .lost_code = lost_code, .signals = take_signals()};
  for (;;) {
    const bool typed = client.reading && client.typed_from < client.typed_to;
    struct pollfd fds[] = {
        {server->socket, POLLIN, 0},
        {client.signals, POLLIN, 0},
        {client.reading && !typed ? STDIN_FILENO : -1, POLLIN, 0},
        {typed ? server->input : -1, POLLOUT, 0},
    };
    if (poll(fds, 4, -1) < 0) continue;
    if (fds[1].revents != 0) pass_signal(&client);
    if (fds[3].revents != 0) give_typed(&client);
    if (fds[2].revents != 0) read_terminal(&client);
    if (fds[0].revents != 0) hear(&client);
  }
}
