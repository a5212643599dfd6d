/** The process: limits, signals, umask, descriptors, session. */
#include <malloc.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <string>
#include <vector>

#include "families.h"
#include "result.h"
#include "words.h"

namespace {

/** No limit if we may, else as far as the hard limit. */
void raiseLimit(__rlimit_resource resource) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(resource, &limit) == 0) return;
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(resource, &limit);
}

int64_t prepareProcess() {
  raiseLimit(RLIMIT_FSIZE);
  raiseLimit(RLIMIT_CORE);
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return -errno;
  const rlim_t before = files.rlim_cur;
  files.rlim_cur = files.rlim_max;
  const bool raised = setrlimit(RLIMIT_NOFILE, &files) == 0;
  return static_cast<int64_t>(raised ? files.rlim_max : before);
}

int64_t setUmask(uint32_t mask) { return umask(mask); }

int64_t closeFrom(uint32_t first, int cloexec) {
  return result(syscall(SYS_close_range, first, ~0u, cloexec != 0 ? CLOSE_RANGE_CLOEXEC : 0));
}

int64_t setSid() { return result(setsid()); }

int64_t execute(std::vector<std::string>& argv) {
  std::vector<char*> args;
  for (std::string& arg : argv) args.push_back(arg.data());
  args.push_back(nullptr);
  // Node marks even its stdio close-on-exec, and ignores SIGPIPE.
  for (const int fd : {0, 1, 2}) fcntl(fd, F_SETFD, 0);
  syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
  signal(SIGPIPE, SIG_DFL);
  execv(args[0], args.data());
  return -errno;
}

napi_value exec(Raw list) {
  std::vector<std::string> argv;
  if (!readWords(list, "exec", argv)) return nullptr;
  return toValue(list.env, execute(argv));
}

int64_t dumpable(int on) { return result(prctl(PR_SET_DUMPABLE, on != 0 ? 1 : 0, 0, 0, 0)); }

int64_t trimMemory() { return malloc_trim(0); }

const Method methods[] = {
    method<trimMemory>("trimMemory", ""),
    method<prepareProcess>("prepareProcess", ""),
    method<setUmask>("umask", "mask"),
    method<closeFrom>("closeFrom", "first cloexec"),
    method<setSid>("setsid", ""),
    method<exec>("exec", "argv"),
    method<dumpable>("dumpable", "on"),
};

}  // namespace

const Methods processMethods = {methods, lengthOf(methods)};
