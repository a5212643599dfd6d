/**
 * tsaufs-start: from a mount command to a mount that answers, in a process of its own that is not node.
 *
 * A node process cannot become a daemon (it has threads before its first line), so somebody has to start it and wait. This
 * program does, and nothing else: what is asked for goes to the daemon as it was typed, the daemon reads, checks and mounts.
 * Between the two there is one connected stream socket:
 *
 *     there   `key=value` NUL, as often as wanted, then the end of the stream (main.c has the keys)
 *     back    letter text NUL, as often as wanted, then the end of the stream:
 *             T         a spare takes the request (before that, nothing it does is seen)
 *             L line    a warning or a repair, for stderr
 *             B source  what is to be seen at the mount point is at `source`, on a mount of the daemon: bind it, at the next M
 *             M m:n P   the mount with device m:n is on path P and will answer
 *             S secs    keep a spare for so long
 *             W line    to be printed when all went well
 *             E n line  it is over: exit with code n and this line, if there is one
 *
 * The stat(2) that proves the mount alive is done here: the daemon would wait for itself.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/** Exit codes, as in lib/cli/exit-codes.ts. */
enum { EXIT_USAGE = 2, EXIT_MOUNT = 32 };

/** A growing string of bytes; running out of memory ends the program. */
struct bytes {
  char* data;
  size_t length;
  size_t room;
};

void append(struct bytes* to, const void* data, size_t length);
void append_text(struct bytes* to, const char* text);
/** `key=value` NUL. */
void append_field(struct bytes* to, const char* key, const char* value);

/** Give each whole record, up to its NUL, to `take`, and keep the rest. @param about what `take` gets with it */
void take_records(struct bytes* unread, void (*take)(void* about, const char* record), void* about);

/** One line on stderr after `tsaufs: `, control characters as `\xHH`. */
void complain(const char* text, size_t length);
/** The same for `format`, printf(3). */
void complain_of(const char* format, ...) __attribute__((format(printf, 1, 2)));

/** `ENOENT` for ENOENT; those that can happen to us. */
const char* errno_name(int error);

/** A daemon that was asked. */
struct daemon {
  int socket;
  /** Its stderr. */
  int chatter;
  pid_t pid;
  /** Not our child. */
  bool spare;
  /** It serves another mount too (beside.c). */
  bool beside;
};

/** Directory of the program: the one that has bin/, dist/ and build/ in it. NULL if it cannot be told. */
const char* program_root(void);
/** A path in it, in memory of its own; NULL if it cannot be told. */
char* in_program(const char* name);
/** The bundle (of `lib/` and `.bundle.cjs`) if it was made of what is there, else NULL. scripts/bundle.mjs makes it after tsc. */
char* bundle(const char* name, const char* made_of);

/** Become `node SCRIPT arguments...`; does not come back. @param code exit code when it cannot be */
_Noreturn void become_node(const char* script, char** arguments, int code);

/** Send a whole request and its end. @return false if the other end is gone */
bool send_all(int socket, const struct bytes* request);
/** Start a daemon and send it `request`. @param place shown in its command line @return 0 or an errno */
int start_daemon(struct daemon* daemon, const struct bytes* request, const char* place);

/** When a process is not wanted at once, but for later. */
struct later {
  /** Start it after so long, */
  int delay_ms;
  /** if nobody has the lock on this directory meanwhile. */
  const char* dir;
};

/**
 * Start `node ARGUMENTS...` with `socket` as fd 3 and `chatter` as stderr (-1: /dev/null), in a session of its own.
 * @param later NULL: now
 */
pid_t spawn_node(int socket, int chatter, const char* const* arguments, const struct later* later);
/** The daemon's program. */
char* daemon_script(void);

/** Beginning of the names of sockets at which layers are served as `options` has them. @return false if it has an upper directory */
bool layers_hash(const char* options, char* name, size_t room);
/** Ask the process of the writable mount on the same layers that is meant (lib/daemon/beside.ts). @return false if there is none, or it will not */
bool ask_beside(struct daemon* daemon, const char* options, const struct bytes* request);
/** Hand `request` to a waiting spare that is as good as a new process. @return false if there is none */
bool ask_spare(struct daemon* daemon, const struct bytes* request);
/** Start a spare that waits for `seconds`, unless one waits already. */
void keep_spare(const char* seconds);

/** Relay what the daemon says until it stands alone. @return the exit code; *spare_seconds is set when a spare is wanted */
int converse(struct daemon* daemon, const char* mountpoint, char** spare_seconds);

/** A directory of ours. In a user namespace /run/tsaufs is usually that of the root outside. */
bool is_own(const char* path);
/** A path in the directory of lib/daemon/rundir.ts, where that is beyond doubt. */
bool socket_address(struct sockaddr_un* address, const char* name);
/** Connect to a process of our user that listens in the run directory. @return fd or -1 */
int find_daemon(const char* name, struct ucred* peer);
/** Send a byte that carries a descriptor. */
bool send_fd(int socket, int fd);
/** Send a request and its end; false as well for what does not fit into the socket: that is not for one who waits. */
bool send_at_once(int socket, const struct bytes* request);
/** Its `T`. Without it whoever waited has done nothing, and after our closing never will. */
bool is_taken(int socket);
/** Does somebody wait, or is on his way? He holds a lock on the directory (lib/daemon/standby.ts). */
bool has_waiting(const char* dir);
/** The limit as high as it may be; RLIM_INFINITY: higher, if we may. */
void raise_limit(__rlimit_resource_t resource, rlim_t to);

/** The same object behind two links of /proc: a namespace, a root directory. */
bool same_object(const char* name, const char* process);
/** What a child of ours would be, that process is. */
bool is_like_us(pid_t pid);

/** What a new process would inherit from us and one who waits takes over: directory, umask, environment. */
void append_surroundings(struct bytes* to);

/** Run `tsaufs WORDS...`: by the process that waits for commands (lib/cli/warm), else by becoming a new one. */
_Noreturn void run_command(char** words);

/** A process that runs a command for us. */
struct server {
  int socket;
  int pidfd;
  /** Our end of its standard input, which stands for our terminal; -1 when it has the real one. */
  int input;
};

/** Remember what descriptors 0 to 2 are like, to have them like that again in the end. */
void note_standard_fds(void);
/** Block what stand_for() passes on, which has to come after it. @param before the mask until now */
void hold_signals(sigset_t* before);
/** Be the command whose work somebody else does: signals, terminal, exit code. @param name for the message if he is killed */
_Noreturn void stand_for(const struct server* server, const char* name, int lost_code);
