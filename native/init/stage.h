/** The process that becomes the container, and the steps that get it there. */
#pragma once
#include "plan.h"

enum { SOURCES_MAX = 512, STEP_GROUPS_MAX = 256 };

struct stage {
  /** The plan is only read through: every step decodes its fields and does nothing. */
  bool checking;
  /** Seqpacket socket to the monitor. */
  int sync;
  /** O_PATH descriptor of the container's root; every path of the plan is resolved inside it. */
  int root;
  /** O_PATH descriptor of the host's /dev/null, checked to be it. */
  int null;
  /** Detached copies of what will be bind-mounted. */
  int sources[SOURCES_MAX];
  /** What 0, 1 and 2 will be; `tty` when they are one terminal. */
  int stdio[3];
  bool tty;
  /** The namespaces of a container were joined: its root is "/" and there is nothing to build. */
  bool joins;
  /** Made by an ordinary user, beside no process that is not his. */
  bool ordinary;
  /** The working directory is the one asked for. */
  bool in_place;
  /** Who the program runs as, once OP_USER has found out; `home` is "" when nobody knows. */
  uid_t uid;
  gid_t gid;
  mode_t umask;
  gid_t groups[STEP_GROUPS_MAX];
  size_t group_count;
  /** Some of them by somebody, not by the container's own files. */
  bool groups_asked;
  char home[512];
};

/** Decode is done: leave with an error if the fields were not what they must be, or when the plan is only being checked. */
#define DECODED(stage, fields)                 \
  do {                                         \
    if (!at_end(fields)) return -EBADMSG;      \
    if ((stage)->checking) return 0;           \
  } while (0)

/** Perform (or check) all steps of a plan. Comes back with 0 only when checking: the last step is an exec. */
int perform_steps(struct stage* stage, const struct plan* plan);

typedef int step_function(struct stage* stage, struct reader* fields);
step_function step_go, step_unshare, step_propagation, step_source, step_root, step_become_root, step_mount, step_attributes,
  step_device, step_symlink, step_mkdir, step_console, step_mask, step_readonly_path, step_pivot, step_hostname,
  step_domainname, step_sysctl, step_keyring, step_limit, step_user, step_bounding, step_identity, step_no_new_privs,
  step_seccomp, step_reaper, step_session, step_cwd, step_exec, step_loopback;

/* -- in-root.c -- */

/** Resolve inside the root, following links inside it. @return descriptor, opened with `flags` */
int open_in_root(int root, const char* path, uint64_t flags);
/** The same over no link at all. */
int open_strictly(int root, const char* path, uint64_t flags);
/** O_PATH descriptor of `path`; directories that are missing are made (0755), and at its end a directory or an empty file. */
int make_in_root(int root, const char* path, bool directory);
/** O_PATH descriptor of the directory `path` is in, made if missing; `name` points to the last part of `path`. */
int make_parent(int root, const char* path, const char** name);

/* -- user-lookup.c -- */

/** `user[:group]` in the container's own passwd and group, or the home of stage->uid when `spec` is "". */
int look_up_user(struct stage* stage, const char* spec);
/** The number of a group of the container, by name or as it is. */
int look_up_group(struct stage* stage, const char* name, gid_t* group);

/* -- sync.c: what child and monitor tell each other -- */

enum sync_kind { SYNC_MAPS = 1, SYNC_CHILD, SYNC_CREATED, SYNC_CONSOLE, SYNC_READY, SYNC_FAILED, SYNC_CONTINUE };

struct sync_message {
  int32_t kind;
  int32_t value;
  struct failure failure;
};

/** @param fd  descriptor to pass, or -1 */
int sync_send(int socket, enum sync_kind kind, int value, int fd);
/** @return 1, or 0 when the other side is gone; a passed descriptor is in `*fd` (else -1). */
int sync_receive(int socket, struct sync_message* message, int* fd);
/** Send `fault` and end this process. */
_Noreturn void give_up(int socket);
/** Wait until the monitor says to go on; ends this process when it is gone. */
void sync_wait(int socket);
