/** What a plan says before its steps: how the child is made, and how the monitor behaves. */
#pragma once
#include "plan.h"

enum { JOINED_MAX = 8, MAPPINGS_MAX = 340, PROCS_MAX = 64, COMMAND_MAX = 64, LIMITS_MAX = 16 };

enum io_kind { IO_NULL = 0, IO_PIPES = 1, IO_TTY = 2 };

/** Bits of OP_CONDUCT. */
enum { CONDUCT_LOG = 1, CONDUCT_ATTACHED = 2, CONDUCT_GO = 4, CONDUCT_OOM_SCORE = 8 };

struct joined {
  /** CLONE_NEW* */
  int type;
  const char* path;
};

struct mapping {
  uint32_t inside;
  uint32_t outside;
  uint32_t size;
};

struct maps {
  bool by_tool;
  bool deny_setgroups;
  uint32_t uid_count, gid_count;
  struct mapping uids[MAPPINGS_MAX];
  struct mapping gids[MAPPINGS_MAX];
};

struct raise {
  uint32_t resource;
  const char* name;
  uint64_t hard;
};

struct settings {
  /** CLONE_NEW* that are made before the child is forked. */
  int new_namespaces;
  uint32_t joined_count;
  struct joined joined[JOINED_MAX];
  struct maps maps;
  uint32_t procs_count;
  const char* procs[PROCS_MAX];
  enum io_kind io;
  bool has_stdin;
  /** Of the pipes, at first; -1 leaves it. */
  uint32_t io_uid, io_gid;
  uint32_t conduct;
  int stop_signal;
  int oom_score;
  /** Ends in NULL; empty when there is none. */
  const char* exit_command[COMMAND_MAX + 1];
  /** "" when there is none. */
  const char* oom_file;
  /** 0 when nothing is joined by process. */
  pid_t target;
  uint64_t target_start;
  bool has_offsets;
  int64_t monotonic_s, boottime_s;
  uint32_t monotonic_ns, boottime_ns;
  uint32_t raise_count;
  struct raise raises[LIMITS_MAX];
};

/** Decode all records below OP_FIRST_STEP. @return -EBADMSG when one is not what it must be */
int read_settings(const struct plan* plan, struct settings* settings);
