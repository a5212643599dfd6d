/** The monitor: holds the program's stdio, keeps its log, serves those who attach, and writes down how it ended. */
#pragma once
#include "child.h"
#include "queue.h"

#include <signal.h>

enum { STREAM_OUT = 1, STREAM_ERR = 2 };

/* -- log.c -- */

struct log {
  /** -1: nothing is kept. */
  int fd;
  /** The first error of writing it, as errno; 0 when there was none. */
  int error;
  /** A line that is not complete, per stream. */
  struct {
    size_t length;
    char bytes[16384];
  } lines[2];
  struct queue out;
};

void log_add(struct log* log, int stream, const char* data, size_t length);
/** What is left without a newline. */
void log_end(struct log* log);
/** Now, as `2026-01-02T03:04:05.000000006Z`; `room` >= 31. */
void write_time(char* text, size_t room);

/* -- clients.c -- */

/** So much input waits for the program before clients are no longer listened to. */
enum { CLIENTS_MAX = 32, INPUT_HIGH = 256 << 10 };
/** Frames of attach.sock. */
enum { FRAME_STDIN = 0, FRAME_STDOUT = 1, FRAME_STDERR = 2, FRAME_EXIT = 3, FRAME_END = 4, FRAME_RESIZE = 5, FRAME_SIGNAL = 6, FRAME_CLEANS_UP = 7 };

struct client {
  int fd;
  /** Attached from the start: the program waits for it as it would for a pipe. Others are dropped when they are slow. */
  bool foreground;
  bool cleans_up;
  /** It says nothing more; it may still listen. */
  bool ended;
  /** Of the frame that is being read: type, bytes to come, and what is there of header and small payload. */
  uint8_t head[8];
  size_t head_length;
  uint32_t left;
  uint8_t small[4];
  size_t small_length;
  struct queue out;
};

struct monitor {
  struct settings settings;
  struct plan plan;
  struct child child;
  /** Read ends of stdout and stderr (a terminal: one, as stdout), -1 when at their end. */
  int outputs[2];
  /** Write end of stdin, non-blocking, or -1. */
  int input;
  struct queue input_queue;
  bool input_ends;
  int signals;
  int listener;
  struct client clients[CLIENTS_MAX];
  size_t client_count;
  struct log log;
  uint64_t oom_kills;
};

int add_client(struct monitor* monitor, int fd, bool foreground);
void drop_client(struct monitor* monitor, size_t index);
/** Accept all who knock. */
void accept_clients(struct monitor* monitor);
/** Read what a client says, and do it. */
void hear_client(struct monitor* monitor, size_t index);
void tell_client(struct monitor* monitor, size_t index);
/** A frame for everybody. */
void tell_all(struct monitor* monitor, uint8_t type, const void* data, size_t length);
/** No client that must not miss anything is behind. */
bool clients_keep_up(const struct monitor* monitor);

/* -- records.c -- */

/** Write `name` in the current directory by rename. */
int write_record(const char* name, const struct queue* text);
int write_monitor_record(const struct monitor* monitor);
/** How it ended, as JSON. */
void describe_exit(struct monitor* monitor, const siginfo_t* end, struct queue* text);
/** Number of OOM kills so far in the container's cgroup. */
uint64_t count_oom_kills(const struct monitor* monitor);

/* -- loop.c -- */

/** Move bytes until the program is dead; then what is left of its output. */
int run_loop(struct monitor* monitor);
/** Let clients read to the end. @return true if one of them cleans up */
bool part_from_clients(struct monitor* monitor);
