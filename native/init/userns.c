/** tsaufs-init userns FILE self|newidmap UIDS GIDS [PID:START] -- COMMAND...: a command as root of an ordinary user's own user namespace. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "keeper.h"
#include "verbs.h"

static const char USAGE[] = "usage: tsaufs-init userns FILE self|newidmap UIDS GIDS [PID:START] -- COMMAND [ARGUMENT...]\n";

/** `INSIDE:OUTSIDE:COUNT,...` */
static bool read_list(const char* text, struct mapping* list, uint32_t* count) {
  for (*count = 0; *count < MAPPINGS_MAX; text++) {
    struct mapping* to = &list[*count];
    int length = 0;
    if (sscanf(text, "%" SCNu32 ":%" SCNu32 ":%" SCNu32 "%n", &to->inside, &to->outside, &to->size, &length) != 3) return false;
    ++*count;
    text += length;
    if (*text != ',') return *text == '\0';
  }
  return false;
}

/** What people can do about it. */
static const char* advice(void) {
  if (strcmp(fault.what, "run") == 0) return "it refused the ids of /etc/subuid and /etc/subgid; see newuidmap(1)";
  if (strcmp(fault.what, "make a user namespace") == 0)
    return "ordinary users may not make user namespaces here (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone); ask root, or use sudo";
  return "nothing runs";
}

static int complain(void) {
  dprintf(STDERR_FILENO, "tsaufs: %s%s%s: %s: %s\n", fault.what, *fault.path == '\0' ? "" : " ", fault.path, errno_name(fault.error), advice());
  return EXIT_OURS;
}

/** The namespaces that FILE leads to, made if there are none. */
static int enter(const char* file, const struct maps* maps, struct kin kin) {
  int rc = -ESRCH;
  for (int turn = 0; turn < 2 && rc == -ESRCH; turn++) {
    const int fd = lock_keeper_file(file, turn == 0 ? LOCK_SH : LOCK_EX);
    if (fd < 0) return failed(fd, "lock", file);
    rc = join_keeper(fd);
    // One that ends by force may do so in the middle of this: no failure of ours.
    if (rc == -ESRCH) fault = (struct failure){.step = -1, .exit_code = EXIT_OURS};
    if (rc == -ESRCH && turn == 1) {
      rc = make_keeper(file, fd, maps, kin);
      if (rc >= 0) rc = failed(join_keeper(fd), "enter the user namespace", NULL);
    }
    // Until the command runs nobody takes the namespaces away: the descriptor goes with the exec.
    if (rc < 0) close(fd);
  }
  return rc;
}

int run_userns(int argc, char** argv) {
  static struct maps maps;
  struct kin kin = {0};
  const bool self = argc > 1 && strcmp(argv[1], "self") == 0;
  bool good = argc > 5 && (self || strcmp(argv[1], "newidmap") == 0);
  good = good && read_list(argv[2], maps.uids, &maps.uid_count) && read_list(argv[3], maps.gids, &maps.gid_count);
  // A process of containers that have lost their keeper.
  const bool has_kin = good && sscanf(argv[4], "%d:%" SCNu64, &kin.pid, &kin.start) == 2;
  char** command = argv + (has_kin ? 6 : 5);
  if (!good || argc < (has_kin ? 7 : 6) || strcmp(command[-1], "--") != 0) {
    dprintf(STDERR_FILENO, USAGE);
    return 2;
  }
  maps.by_tool = !self;
  maps.deny_setgroups = self;
  char where[PATH_MAX];
  const bool has_cwd = getcwd(where, sizeof where) != NULL;
  int rc = enter(argv[0], &maps, kin);
  if (rc >= 0) rc = failed(sys(setresgid(0, 0, 0)), "become root of the user namespace", NULL);
  if (rc >= 0) rc = failed(sys(setresuid(0, 0, 0)), "become root of the user namespace", NULL);
  if (rc < 0) return complain();
  if (has_cwd && chdir(where) < 0) (void)!chdir("/");
  execvp(command[0], command);
  failed(-errno, "execute", command[0]);
  return complain();
}
