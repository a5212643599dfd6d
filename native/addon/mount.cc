/** Mounting: mount(2), detached clones, and fusermount3 for who may not mount. */
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "families.h"
#include "result.h"
#include "socket.h"
#include "words.h"

extern char** environ;

namespace {

int64_t mountAt(const Name& source, const Name& target, const Name& fstype, uint32_t flags, const Name& data) {
  return retry([&] { return mount(source, target, fstype, flags, data.bytes); });
}

int64_t umountAt(const Name& target, int flags) {
  return retry([&] { return umount2(target, flags); });
}

int64_t setAttributes(int fd, uint64_t set) {
  struct mount_attr attr = {};
  attr.attr_set = set;
  if ((set & MOUNT_ATTR_NOATIME) != 0) attr.attr_clr = MOUNT_ATTR__ATIME;
  // Else the clone stays in its origin's peer group, and what is mounted there later turns up in it.
  attr.propagation = MS_PRIVATE;
  return retry([&] { return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr); });
}

int64_t cloneMount(const Name& path, int readOnly) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  const int64_t fd = retry([&] { return syscall(SYS_open_tree, AT_FDCWD, path.bytes, flags); });
  if (fd < 0) return fd;
  Fd clone(fd);
  const uint64_t wanted = readOnly != 0 ? MOUNT_ATTR_RDONLY : 0;
  int64_t rc = setAttributes(clone.get(), wanted | MOUNT_ATTR_NOATIME);
  // A mount that came into this user namespace from outside keeps its atime setting.
  if (rc == -EPERM) rc = setAttributes(clone.get(), wanted);
  return rc < 0 ? rc : clone.release();
}

/** Start argv[0], found in PATH, with `socket` open and named in _FUSE_COMMFD. Answers the pid. */
int64_t spawnWithSocket(std::vector<std::string>& argv, int socket) {
  const std::string variable = "_FUSE_COMMFD=" + std::to_string(socket);
  std::vector<char*> args;
  for (std::string& arg : argv) args.push_back(arg.data());
  args.push_back(nullptr);
  std::vector<char*> env;
  for (char** entry = environ; *entry != nullptr; entry++) {
    if (strncmp(*entry, "_FUSE_COMMFD=", 13) != 0) env.push_back(*entry);
  }
  env.push_back(const_cast<char*>(variable.c_str()));
  env.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Onto itself: clears close-on-exec in the child. Node marks even its stdio that way.
  for (const int fd : {0, 1, 2, socket}) posix_spawn_file_actions_adddup2(&actions, fd, fd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t ours;
  sigemptyset(&none);
  sigemptyset(&ours);
  sigaddset(&ours, SIGPIPE);
  sigaddset(&ours, SIGXFSZ);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ours);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, args[0], &actions, &attributes, args.data(), env.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error != 0 ? -error : pid;
}

int64_t runFusermount(std::vector<std::string>& argv) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return -errno;
  Fd ours(pair[0]);
  Fd theirs(pair[1]);
  const int64_t pid = spawnWithSocket(argv, theirs.get());
  if (pid < 0) return pid;
  theirs.reset();
  const int64_t fd = receiveFd(ours.get());
  int status;
  retry([&] { return waitpid(static_cast<pid_t>(pid), &status, 0); });
  return fd;
}

napi_value fusermount(Raw list) {
  std::vector<std::string> argv;
  if (!readWords(list, "fusermount", argv)) return nullptr;
  return toValue(list.env, runFusermount(argv));
}

const Method methods[] = {
    method<mountAt>("mount", "source target fstype flags data"),
    method<umountAt>("umount", "target flags"),
    method<cloneMount>("cloneMount", "path readOnly"),
    method<fusermount>("fusermount", "argv"),
};

}  // namespace

const Methods mountMethods = {methods, lengthOf(methods)};
