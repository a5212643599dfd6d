/** Making the child: the monitor forks a helper, the helper enters the namespaces and forks the child beside itself. */
#pragma once
#include "settings.h"
#include "stage.h"

struct child {
  pid_t pid;
  /** Readable once it is dead. */
  int pidfd;
  /** Of the monitor, to the child. */
  int sync;
  /** The terminal's side that belongs to the monitor, or -1. */
  int master;
};

/**
 * Make the child up to the point where it waits for `continue_child`: namespaces, id maps and cgroups are as planned.
 * @param stage  what the child starts with; its `sync` is set here
 * On failure nothing is left running.
 */
int make_child(const struct settings* settings, const struct plan* plan, struct stage* stage, struct child* child);
/** Let it perform its steps, until it waits for the go (answers 1) or has become the program (answers 0). */
int continue_child(struct child* child);
/** Kill it and wait for it. */
void end_child(struct child* child);

/** Write the maps of `pid`, directly or by newuidmap and newgidmap. */
int write_maps(const struct maps* maps, pid_t pid);
/** Write `pid` into each cgroup.procs. */
int enter_cgroups(const struct settings* settings, pid_t pid);
/** Enter all namespaces of `target` that are not ours already. */
int join_process(pid_t target, uint64_t start, int only);
