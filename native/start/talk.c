/** The conversation with a daemon that was asked: relay its lines, stat the mount, decide how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "start.h"

/** A mounted daemon whose mount gives no answer for this long is hung. */
enum { ANSWER_TIMEOUT_MS = 30 * 1000 };
/** More than this of what a daemon prints is not kept. */
enum { CHATTER_MAX = 64 * 1024 };

/** stat(2) in a thread of its own: on a mount that hangs it does not come back. */
struct answer {
  pthread_t thread;
  bool asked;
  /** Readable when the thread is done. */
  int done[2];
  char* path;
  /** To be bound to `path` first; NULL if it is mounted there already. */
  char* source;
  char device[32];
  int error;
  char found[32];
};

struct talk {
  struct daemon* daemon;
  struct bytes unread;
  struct bytes chatter;
  struct answer answer;
  struct timespec deadline;
  bool finished;
  int code;
  char* last_line;
  char* words;
  char* spare_seconds;
};

/** Flags of mount(2) from those of statvfs(3): a remount sets all of them. */
static unsigned long mount_flags(const char* path) {
  struct statvfs vfs;
  if (statvfs(path, &vfs) != 0) return 0;
  unsigned long flags = vfs.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
  if ((vfs.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

static int bind_read_only(const char* source, const char* path) {
  if (mount(source, path, NULL, MS_BIND, NULL) != 0) return -1;
  return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | mount_flags(path), NULL);
}

static void* stat_mount(void* argument) {
  struct answer* answer = argument;
  struct stat st;
  if ((answer->source != NULL && bind_read_only(answer->source, answer->path) != 0) || stat(answer->path, &st) != 0) {
    answer->error = errno;
  } else {
    snprintf(answer->found, sizeof answer->found, "%u:%u", major(st.st_dev), minor(st.st_dev));
  }
  const ssize_t written = write(answer->done[1], "", 1);
  (void)written;
  return NULL;
}

/** `m:n PATH` */
static void mounted(struct talk* talk, const char* text) {
  struct answer* answer = &talk->answer;
  const char* blank = strchr(text, ' ');
  if (blank == NULL || answer->asked || pipe2(answer->done, O_CLOEXEC) != 0) return;
  snprintf(answer->device, sizeof answer->device, "%.*s", (int)(blank - text), text);
  answer->path = strdup(blank + 1);
  clock_gettime(CLOCK_MONOTONIC, &talk->deadline);
  talk->deadline.tv_sec += ANSWER_TIMEOUT_MS / 1000;
  answer->asked = pthread_create(&answer->thread, NULL, stat_mount, answer) == 0;
}

static void take_record(void* about, const char* record) {
  struct talk* talk = about;
  const char* text = record + 1;
  switch (*record) {
    case 'L': complain(text, strlen(text)); break;
    case 'B': talk->answer.source = strdup(text); break;
    case 'M': mounted(talk, text); break;
    case 'W': talk->words = strdup(text); break;
    case 'S': talk->spare_seconds = strdup(text); break;
    case 'E': {
      char* rest;
      talk->finished = true;
      talk->code = (int)strtol(text, &rest, 10);
      talk->last_line = *rest == ' ' ? strdup(rest + 1) : NULL;
      break;
    }
    default: break;
  }
}

/** read(2) once into `to`; false at the end of the stream. */
static bool read_more(int fd, struct bytes* to) {
  char part[4096];
  const ssize_t rc = read(fd, part, sizeof part);
  if (rc > 0) append(to, part, (size_t)rc);
  return rc > 0 || (rc < 0 && (errno == EINTR || errno == EAGAIN));
}

static void keep_chatter(struct talk* talk) {
  struct bytes* chatter = &talk->chatter;
  if (!read_more(talk->daemon->chatter, chatter)) {
    close(talk->daemon->chatter);
    talk->daemon->chatter = -1;
  }
  if (chatter->length <= CHATTER_MAX) return;
  const size_t surplus = chatter->length - CHATTER_MAX;
  memmove(chatter->data, chatter->data + surplus, CHATTER_MAX);
  chatter->length = CHATTER_MAX;
}

/** What is there already; nobody is waited for. */
static void drain_chatter(struct talk* talk) {
  struct pollfd ready = {talk->daemon->chatter, POLLIN, 0};
  while (talk->daemon->chatter >= 0 && poll(&ready, 1, 0) > 0) keep_chatter(talk);
}

static int milliseconds_left(const struct talk* talk) {
  if (!talk->answer.asked) return -1;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long long left = (talk->deadline.tv_sec - now.tv_sec) * 1000LL + (talk->deadline.tv_nsec - now.tv_nsec) / 1000000;
  return left > 0 ? (int)left : 0;
}

/** Until the daemon has closed its end and the mount has answered. @return false when it does not answer in time */
static bool listen_to(struct talk* talk) {
  bool open = true;
  bool answered = false;
  while (open || (talk->answer.asked && !answered && !talk->finished)) {
    struct pollfd fds[] = {
        {open ? talk->daemon->socket : -1, POLLIN, 0},
        {talk->daemon->chatter, POLLIN, 0},
        {talk->answer.asked && !answered ? talk->answer.done[0] : -1, POLLIN, 0},
    };
    const int ready = poll(fds, 3, answered ? -1 : milliseconds_left(talk));
    if (ready == 0) return false;
    if (ready < 0) continue;
    if (fds[1].revents != 0) keep_chatter(talk);
    if (fds[2].revents != 0) answered = true;
    if (fds[0].revents != 0) {
      open = read_more(talk->daemon->socket, &talk->unread);
      take_records(&talk->unread, take_record, talk);
    }
    // A mount that answers with an error will not do better when the daemon goes on.
    if (answered && (talk->answer.error != 0 || strcmp(talk->answer.found, talk->answer.device) != 0)) return true;
  }
  return true;
}

/** Wait until it is gone: it takes the mount away. A spare's end shows by the end of the stream. */
static int wait_for_end(struct talk* talk) {
  int status = 0;
  if (!talk->daemon->spare) {
    while (waitpid(talk->daemon->pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
  }
  while (read_more(talk->daemon->socket, &talk->unread)) continue;
  return status;
}

static void last_words(struct talk* talk) {
  struct bytes* chatter = &talk->chatter;
  drain_chatter(talk);
  while (chatter->length > 0 && chatter->data[chatter->length - 1] == '\n') chatter->length--;
  append(chatter, "", 1);
  const char* newline = strrchr(chatter->data, '\n');
  const char* last = newline == NULL ? chatter->data : newline + 1;
  if (talk->last_line == NULL || *talk->last_line == '\0') return;
  if (*last == '\0') complain(talk->last_line, strlen(talk->last_line));
  else complain_of("%s (%s)", talk->last_line, last);
}

static int undo(struct talk* talk, const char* mountpoint, const char* code, const char* advice) {
  // What it serves to others is none of our business.
  if (talk->answer.source != NULL) umount2(talk->answer.path, MNT_DETACH | UMOUNT_NOFOLLOW);
  if (!talk->daemon->beside) kill(talk->daemon->pid, SIGTERM);
  wait_for_end(talk);
  complain_of("mount %s: %s: %s", talk->answer.path != NULL ? talk->answer.path : mountpoint, code, advice);
  return EXIT_MOUNT;
}

static int died(struct talk* talk, const char* mountpoint) {
  const int status = wait_for_end(talk);
  const bool killed = WIFSIGNALED(status);
  complain_of("mount %s: EIO: its process ended without a word (%s %d)", mountpoint, killed ? "signal" : "status",
              killed ? WTERMSIG(status) : WEXITSTATUS(status));
  return EXIT_MOUNT;
}

static int succeeded(struct talk* talk) {
  drain_chatter(talk);
  append(&talk->chatter, "", 1);
  for (char* line = strtok(talk->chatter.data, "\n"); line != NULL; line = strtok(NULL, "\n")) complain(line, strlen(line));
  if (talk->words != NULL) complain(talk->words, strlen(talk->words));
  return 0;
}

int converse(struct daemon* daemon, const char* mountpoint, char** spare_seconds) {
  struct talk talk = {.daemon = daemon};
  const bool in_time = listen_to(&talk);
  const struct answer* answer = &talk.answer;
  *spare_seconds = talk.spare_seconds;
  if (!in_time) return undo(&talk, mountpoint, "ETIMEDOUT", "it is mounted but does not answer; unmounted again");
  if (talk.finished) {
    if (talk.code != 0 || !daemon->spare) wait_for_end(&talk);
    last_words(&talk);
    return talk.code;
  }
  if (!answer->asked) return died(&talk, mountpoint);
  if (answer->error != 0) {
    return undo(&talk, mountpoint, errno_name(answer->error), "it is mounted but its root gives an error; unmounted again");
  }
  if (strcmp(answer->found, answer->device) != 0) {
    return undo(&talk, mountpoint, "EBUSY", "something else was mounted there at the same time");
  }
  return succeeded(&talk);
}
