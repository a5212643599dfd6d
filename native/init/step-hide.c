/** Paths that the container must not see, or not write. What is not there needs no hiding. */
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stage.h"

static bool is_absent(int rc) { return rc == -ENOENT || rc == -ENOTDIR; }

/** An empty directory that stays empty. */
static int make_void(void) {
  const int fs = sys_fsopen("tmpfs");
  if (fs < 0) return fs;
  int rc = sys_fsconfig(fs, FSCONFIG_SET_STRING, "nr_blocks", "1");
  if (rc >= 0) rc = sys_fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1");
  if (rc >= 0) rc = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL);
  const int tree = rc < 0 ? rc : sys_fsmount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  close(fs);
  return tree;
}

/** Look at the path again: does it lead to what was put there? */
static int check_masked(int root, const char* path, bool directory) {
  struct stat about;
  struct statvfs mount;
  const int fd = open_in_root(root, path, O_PATH);
  if (fd < 0) return fd;
  int rc = sys(fstat(fd, &about));
  if (rc >= 0) rc = sys(fstatvfs(fd, &mount));
  close(fd);
  if (rc < 0) return rc;
  if (directory) return S_ISDIR(about.st_mode) && (mount.f_flag & ST_RDONLY) != 0 ? 0 : -ESTALE;
  return S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3) ? 0 : -ESTALE;
}

int step_mask(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  DECODED(stage, fields);
  struct stat about;
  const int place = open_in_root(stage->root, path, O_PATH);
  if (is_absent(place)) return 0;
  int rc = place < 0 ? place : sys(fstat(place, &about));
  if (rc < 0) return failed(rc, "mask", path);
  const bool directory = S_ISDIR(about.st_mode);
  const int tree = directory ? make_void() : sys_open_tree(stage->null, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  rc = tree < 0 ? tree : sys_move_mount(tree, place);
  close(place);
  if (tree >= 0) close(tree);
  if (rc >= 0) rc = check_masked(stage->root, path, directory);
  return failed(rc, "mask", path);
}

int step_readonly_path(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  DECODED(stage, fields);
  const int place = open_in_root(stage->root, path, O_PATH);
  if (is_absent(place)) return 0;
  if (place < 0) return failed(place, "make read-only", path);
  const int tree = sys_open_tree(place, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
  int rc = tree < 0 ? tree : sys_mount_setattr(tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0);
  if (rc >= 0) rc = sys_move_mount(tree, place);
  close(place);
  if (tree >= 0) close(tree);
  struct statvfs mount;
  const int again = rc < 0 ? rc : open_in_root(stage->root, path, O_PATH);
  rc = again < 0 ? again : sys(fstatvfs(again, &mount));
  if (again >= 0) close(again);
  if (rc >= 0 && (mount.f_flag & ST_RDONLY) == 0) rc = -ESTALE;
  return failed(rc, "make read-only", path);
}
