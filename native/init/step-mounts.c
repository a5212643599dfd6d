/** Mounting by descriptor: a mount is complete before it is attached, and it is attached to a place that was looked up. */
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stage.h"

/** flags of OP_MOUNT: a place on procfs is meant; the place is a directory that no link leads to (proc, sysfs). */
enum { MOUNT_ON_PROC = 1, MOUNT_STRICT = 2 };
/** An option without a value. */
enum { OPTION_FLAG = 0, OPTION_STRING = 1, OPTIONS_MAX = 256 };

int step_unshare(struct stage* stage, struct reader* fields) {
  const int flags = (int)get_u32(fields);
  DECODED(stage, fields);
  return sys(unshare(flags));
}

int step_propagation(struct stage* stage, struct reader* fields) {
  const uint32_t flags = get_u32(fields);
  if ((flags & ~(uint32_t)(MS_REC | MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)) != 0) return -EBADMSG;
  DECODED(stage, fields);
  return sys(mount(NULL, "/", NULL, flags, NULL));
}

int step_source(struct stage* stage, struct reader* fields) {
  const uint32_t index = get_u32(fields);
  const char* path = get_string(fields);
  const bool recursive = get_u32(fields) != 0;
  if (index >= SOURCES_MAX) return -EBADMSG;
  DECODED(stage, fields);
  const int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0));
  if (tree < 0) return failed(tree, "open what is to be mounted", path);
  stage->sources[index] = tree;
  return 0;
}

struct order {
  const char* type;
  const char* source;
  const char* target;
  /** -1: a new file system of `type`. */
  int32_t tree;
  uint32_t flags;
  uint64_t set, clear, set_all, clear_all;
  uint64_t propagation;
  bool propagation_all;
  uint32_t option_count;
  struct reader options;
};

static void decode_order(struct reader* fields, struct order* order) {
  order->type = get_string(fields);
  order->source = get_string(fields);
  order->target = get_string(fields);
  order->tree = (int32_t)get_u32(fields);
  order->flags = get_u32(fields);
  order->set = get_u64(fields);
  order->clear = get_u64(fields);
  order->set_all = get_u64(fields);
  order->clear_all = get_u64(fields);
  order->propagation = get_u64(fields);
  order->propagation_all = get_u32(fields) != 0;
  order->option_count = get_u32(fields);
  order->options = *fields;
  if (order->option_count > OPTIONS_MAX || order->tree >= SOURCES_MAX) fields->bad = true;
  for (uint32_t i = 0; i < order->option_count && !fields->bad; i++) {
    get_u32(fields);
    get_string(fields);
    get_string(fields);
  }
}

static int make_file_system(struct order* order) {
  const int fs = sys_fsopen(order->type);
  if (fs < 0) return failed(fs, "mount a file system of type", order->type);
  int rc = *order->source == '\0' ? 0 : sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", order->source);
  for (uint32_t i = 0; rc >= 0 && i < order->option_count; i++) {
    const uint32_t kind = get_u32(&order->options);
    const char* key = get_string(&order->options);
    const char* value = get_string(&order->options);
    rc = kind == OPTION_FLAG ? sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL) : sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value);
    failed(rc, "set a mount option", key);
  }
  if (rc >= 0) rc = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL);
  const int tree = rc < 0 ? rc : sys_fsmount(fs, 0);
  close(fs);
  return tree;
}

/** The flags and the propagation of a tree that is not attached yet. */
static int dress(int tree, const struct order* order) {
  int rc = 0;
  if (order->set_all != 0 || order->clear_all != 0)
    rc = sys_mount_setattr(tree, AT_RECURSIVE, order->set_all, order->clear_all, 0);
  if (rc >= 0 && (order->set != 0 || order->clear != 0)) rc = sys_mount_setattr(tree, 0, order->set, order->clear, 0);
  if (rc >= 0 && order->propagation != 0)
    rc = sys_mount_setattr(tree, order->propagation_all ? AT_RECURSIVE : 0, 0, 0, order->propagation);
  return rc;
}

/** The place of a mount: on procfs only where the plan means it, and then over no link. */
static int find_place(struct stage* stage, const struct order* order, int tree) {
  struct stat about;
  int rc = sys(fstat(tree, &about));
  if (rc < 0) return rc;
  int place = make_in_root(stage->root, order->target, S_ISDIR(about.st_mode));
  if (place < 0) return place;
  if ((order->flags & (MOUNT_ON_PROC | MOUNT_STRICT)) != 0) {
    close(place);
    place = open_strictly(stage->root, order->target, O_PATH | (S_ISDIR(about.st_mode) ? O_DIRECTORY : 0));
    if (place < 0) return place;
  }
  const long magic = fs_magic(place);
  if (magic >= 0 && (magic != PROC_MAGIC || (order->flags & MOUNT_ON_PROC) != 0)) return place;
  close(place);
  return magic < 0 ? (int)magic : -EPERM;
}

int step_mount(struct stage* stage, struct reader* fields) {
  struct order order;
  decode_order(fields, &order);
  DECODED(stage, fields);
  const int tree = order.tree < 0 ? make_file_system(&order) : stage->sources[order.tree];
  if (tree < 0) return failed(tree, "mount", order.target);
  int rc = dress(tree, &order);
  const int place = rc < 0 ? rc : find_place(stage, &order, tree);
  rc = place < 0 ? place : sys_move_mount(tree, place);
  failed(rc, "mount", order.target);
  if (place >= 0) close(place);
  close(tree);
  if (order.tree >= 0) stage->sources[order.tree] = -1;
  return rc;
}

int step_attributes(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  const uint64_t set = get_u64(fields);
  const uint64_t clear = get_u64(fields);
  const bool recursive = get_u32(fields) != 0;
  const uint64_t propagation = get_u64(fields);
  DECODED(stage, fields);
  const int place = open_in_root(stage->root, path, O_PATH);
  if (place < 0) return failed(place, "change a mount", path);
  const int rc = sys_mount_setattr(place, recursive ? AT_RECURSIVE : 0, set, clear, propagation);
  close(place);
  return failed(rc, "change a mount", path);
}
