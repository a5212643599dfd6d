/** The namespaces of an ordinary user, and the process that keeps them. */
#pragma once
#include "child.h"

/** A process that is in namespaces which have lost their keeper; `pid` is 0 when there is none. */
struct kin {
  pid_t pid;
  uint64_t start;
};

/** FILE, locked by flock(2) as `how` says; it is the one that has this name now. */
int lock_keeper_file(const char* path, int how);
/** Make the keeper, of new namespaces or of those of `kin`, and write down in the file `fd`, locked exclusively, who it is. */
int make_keeper(const char* path, int fd, const struct maps* maps, struct kin kin);
/** Enter its namespaces. -ESRCH when the file names none that lives. */
int join_keeper(int fd);
