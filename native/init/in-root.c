/** Paths of the container, resolved so that no link and no `..` leads out of its root. */
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stage.h"

enum { PATH_ROOM = 4096 };

int open_in_root(int root, const char* path, uint64_t flags) {
  return sys_openat2(root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int open_strictly(int root, const char* path, uint64_t flags) {
  return sys_openat2(root, path, flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

/** One directory below `parent`, made if missing. */
static int enter_made(int parent, const char* name) {
  const int rc = sys(mkdirat(parent, name, 0755));
  if (rc < 0 && rc != -EEXIST) return rc;
  return sys_openat2(parent, name, O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int make_directories(int root, const char* path) {
  int at = open_in_root(root, path, O_PATH | O_DIRECTORY);
  if (at != -ENOENT) return at;
  char prefix[PATH_ROOM];
  if (strlen(path) >= sizeof prefix) return -ENAMETOOLONG;
  strcpy(prefix, path);
  at = open_in_root(root, "/", O_PATH | O_DIRECTORY);
  for (char* name = prefix; at >= 0;) {
    name += strspn(name, "/");
    if (*name == '\0') break;
    char* end = name + strcspn(name, "/");
    const char rest = *end;
    *end = '\0';
    int next = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
    // What is missing is made in the directory that was found. A link that leads nowhere is not made up for: ELOOP.
    if (next == -ENOENT) next = enter_made(at, name);
    close(at);
    at = next;
    *end = rest;
    name = end;
  }
  return at;
}

int make_parent(int root, const char* path, const char** name) {
  char parent[PATH_ROOM];
  const char* slash = strrchr(path, '/');
  if (slash == NULL || slash[1] == '\0' || strcmp(slash, "/..") == 0 || strcmp(slash, "/.") == 0) return -EINVAL;
  const size_t length = (size_t)(slash - path);
  if (length >= sizeof parent) return -ENAMETOOLONG;
  memcpy(parent, path, length);
  parent[length] = '\0';
  *name = slash + 1;
  return make_directories(root, length == 0 ? "/" : parent);
}

int make_in_root(int root, const char* path, bool directory) {
  if (directory) return make_directories(root, path);
  int fd = open_in_root(root, path, O_PATH);
  if (fd != -ENOENT) return fd;
  const char* name;
  const int parent = make_parent(root, path, &name);
  if (parent < 0) return parent;
  fd = sys(openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (fd >= 0) {
    close(fd);
    fd = sys_openat2(parent, name, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  }
  close(parent);
  return fd;
}
