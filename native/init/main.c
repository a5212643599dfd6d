/**
 * usage: tsaufs-init monitor                   a plan on descriptor 3, reports on 4, the go on 5, a client on 6
 *        tsaufs-init exec                      the same for one more program in a container that runs
 *        tsaufs-init enter [--all] PID -- COMMAND...
 *        tsaufs-init userns FILE self|newidmap UIDS GIDS [PID:START] -- COMMAND...
 *
 * The first two run from a sealed copy in memory: a container can then neither write nor replace this program.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "init.h"
#include "verbs.h"

int main(int argc, char** argv) {
  remember_words(argv);
  if (argc > 1 && strcmp(argv[1], "enter") == 0) return run_enter(argc - 2, argv + 2);
  if (argc > 1 && strcmp(argv[1], "userns") == 0) return run_userns(argc - 2, argv + 2);
  if (argc != 2 || (strcmp(argv[1], "monitor") != 0 && strcmp(argv[1], "exec") != 0)) {
    dprintf(STDERR_FILENO, "usage: tsaufs-init monitor | exec | enter ... | userns ...\n");
    return 2;
  }
  if (run_from_sealed_copy(argv) < 0 || become_untraceable() < 0) {
    dprintf(STDERR_FILENO, "tsaufs-init: %s: %s\n", fault.what, errno_name(fault.error));
    return EXIT_OURS;
  }
  // After an exec by descriptor the kernel knows us by its number.
  prctl(PR_SET_NAME, "tsaufs-init", 0, 0, 0);
  return run_monitor();
}
