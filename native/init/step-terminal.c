/** The terminal of the program: of the container's own devpts, opened by descriptor, never of the host. */
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stage.h"

/** Both sides of a new pseudo terminal, each checked to be one. */
static int open_pair(int root, int* terminal) {
  struct stat about;
  const int master = open_strictly(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
  if (master < 0) return failed(master, "open a terminal", "/dev/pts/ptmx");
  int rc = sys(fstat(master, &about));
  if (rc >= 0 && (fs_magic(master) != DEVPTS_MAGIC || !S_ISCHR(about.st_mode) || about.st_rdev != makedev(5, 2))) rc = -ENODEV;
  const int unlocked = 0;
  if (rc >= 0) rc = sys(ioctl(master, TIOCSPTLCK, &unlocked));
  if (rc >= 0) rc = sys(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (rc >= 0 && fs_magic(rc) != DEVPTS_MAGIC) {
    close(rc);
    rc = -ENODEV;
  }
  if (rc < 0) {
    close(master);
    return failed(rc, "open a terminal", "/dev/pts/ptmx");
  }
  *terminal = rc;
  return master;
}

/** The terminal as /dev/console, too. */
static int mount_console(struct stage* stage, int terminal) {
  struct stat wanted;
  struct stat found;
  const int place = make_in_root(stage->root, "/dev/console", false);
  if (place < 0) return place;
  const int tree = sys_open_tree(terminal, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  int rc = tree < 0 ? tree : sys_move_mount(tree, place);
  close(place);
  if (tree >= 0) close(tree);
  const int again = rc < 0 ? rc : open_in_root(stage->root, "/dev/console", O_PATH);
  rc = again < 0 ? again : sys(fstat(again, &found));
  if (again >= 0) close(again);
  if (rc >= 0) rc = sys(fstat(terminal, &wanted));
  if (rc < 0) return rc;
  return found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino ? 0 : -ESTALE;
}

int step_console(struct stage* stage, struct reader* fields) {
  struct winsize size = {0};
  size.ws_row = (unsigned short)get_u32(fields);
  size.ws_col = (unsigned short)get_u32(fields);
  const bool mounts = get_u32(fields) != 0;
  DECODED(stage, fields);
  int terminal = -1;
  const int master = open_pair(stage->root, &terminal);
  if (master < 0) return master;
  int rc = size.ws_row == 0 ? 0 : sys(ioctl(terminal, TIOCSWINSZ, &size));
  if (rc >= 0 && mounts) rc = failed(mount_console(stage, terminal), "mount the terminal", "/dev/console");
  if (rc >= 0) rc = sync_send(stage->sync, SYNC_CONSOLE, 0, master);
  close(master);
  for (int i = 0; i < 3; i++) stage->stdio[i] = terminal;
  stage->tty = true;
  return rc;
}

int step_session(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  // The one who forked us led no group; a new session has no terminal, least of all that of the caller.
  int rc = sys(setsid());
  if (rc >= 0 && stage->tty) rc = sys(ioctl(stage->stdio[0], TIOCSCTTY, 0));
  for (int i = 0; i < 3 && rc >= 0; i++) rc = sys(dup2(stage->stdio[i], i));
  return rc;
}
