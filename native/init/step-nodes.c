/** Devices, links and directories of the container. */
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stage.h"

struct device {
  const char* path;
  mode_t type;
  dev_t number;
  mode_t mode;
  uid_t uid;
  gid_t gid;
  /** Where the host has it; "" to make a node. In a user namespace nodes cannot be made, those of the host are mounted. */
  const char* host;
};

static bool is_device(const struct stat* about, const struct device* device) {
  return (about->st_mode & S_IFMT) == device->type && (device->type == S_IFIFO || about->st_rdev == device->number);
}

static int make_node(struct stage* stage, const struct device* device) {
  const char* name;
  struct stat about;
  const int parent = make_parent(stage->root, device->path, &name);
  if (parent < 0) return parent;
  int rc = sys(mknodat(parent, name, device->type | device->mode, device->number));
  if (rc >= 0) rc = sys(fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW));
  if (rc == -EEXIST) {
    rc = sys(fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW));
    if (rc >= 0 && !is_device(&about, device)) rc = -EEXIST;
  }
  close(parent);
  return rc;
}

static int mount_node(struct stage* stage, const struct device* device) {
  struct stat about;
  const int tree = sys_open_tree(AT_FDCWD, device->host, OPEN_TREE_CLONE);
  if (tree < 0) return tree;
  int rc = sys(fstat(tree, &about));
  if (rc >= 0 && !is_device(&about, device)) rc = -ENODEV;
  const int place = rc < 0 ? rc : make_in_root(stage->root, device->path, false);
  rc = place < 0 ? place : sys_move_mount(tree, place);
  if (place >= 0) close(place);
  close(tree);
  return rc;
}

int step_device(struct stage* stage, struct reader* fields) {
  struct device device;
  device.path = get_string(fields);
  const uint32_t letter = get_u32(fields);
  const uint32_t major = get_u32(fields);
  const uint32_t minor = get_u32(fields);
  device.mode = get_u32(fields) & 0777;
  device.uid = get_u32(fields);
  device.gid = get_u32(fields);
  device.host = get_string(fields);
  device.type = letter == 'c' ? S_IFCHR : letter == 'b' ? S_IFBLK : letter == 'p' ? S_IFIFO : 0;
  device.number = makedev(major, minor);
  if (device.type == 0) return -EBADMSG;
  DECODED(stage, fields);
  return failed(*device.host == '\0' ? make_node(stage, &device) : mount_node(stage, &device), "make a device", device.path);
}

int step_symlink(struct stage* stage, struct reader* fields) {
  const char* to = get_string(fields);
  const char* path = get_string(fields);
  DECODED(stage, fields);
  const char* name;
  const int parent = make_parent(stage->root, path, &name);
  int rc = parent < 0 ? parent : sys(symlinkat(to, parent, name));
  // What an image brings under this name is its own affair.
  if (rc == -EEXIST) rc = 0;
  if (parent >= 0) close(parent);
  return failed(rc, "make a link", path);
}

int step_mkdir(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  DECODED(stage, fields);
  const int fd = make_in_root(stage->root, path, true);
  if (fd >= 0) close(fd);
  return failed(fd, "make a directory", path);
}
