/** The root: entered by mounting it on itself, and made the only one. */
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stage.h"

/** The host's /dev/null: what hides files must be the device itself, so it is not taken by name from the container. */
static int open_null(void) {
  struct stat about;
  const int fd = sys(open("/dev/null", O_PATH | O_CLOEXEC));
  if (fd < 0) return fd;
  if (fstat(fd, &about) == 0 && S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3)) return fd;
  close(fd);
  return -ENODEV;
}

int step_root(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  DECODED(stage, fields);
  stage->null = open_null();
  if (stage->null < 0) return failed(stage->null, "open the null device", "/dev/null");
  const int place = sys(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (place < 0) return failed(place, "open the root", path);
  const int tree = sys_open_tree(place, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
  const int rc = tree < 0 ? tree : sys_move_mount(tree, place);
  close(place);
  stage->root = tree;
  return failed(rc, "mount the root on itself", path);
}

int step_pivot(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  const int old = sys(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (old < 0) return old;
  int rc = sys(fchdir(stage->root));
  if (rc >= 0) rc = sys((int)syscall(SYS_pivot_root, ".", "."));
  failed(rc, "change the root", NULL);
  // The old root now lies on the new one. It must go from here only: as a slave it tells the host nothing.
  if (rc >= 0) rc = sys(fchdir(old));
  if (rc >= 0) rc = sys(mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL));
  if (rc >= 0) rc = sys(umount2(".", MNT_DETACH));
  if (rc >= 0) rc = sys(chdir("/"));
  close(old);
  return failed(rc, "leave the old root", NULL);
}
