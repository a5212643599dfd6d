/** What tsaufs-init can be asked to do. Each answers an exit code. */
#pragma once

/** A plan on descriptor 3: make the container (or join it), and stay with it. */
int run_monitor(void);
/** enter PID -- COMMAND...: run a command in the user and mount namespaces of a process. */
int run_enter(int argc, char** argv);
/** userns FILE self|newidmap UIDS GIDS [PID:START] -- COMMAND...: run a command as root of the caller's own user namespace. */
int run_userns(int argc, char** argv);
