/** What tsaufs-init can be asked to do. Each answers an exit code. */
#pragma once

/** A plan on descriptor 3: make the container (or join it), and stay with it. */
int run_monitor(void);
/** enter PID -- COMMAND...: run a command in the user and mount namespaces of a process. */
int run_enter(int argc, char** argv);
