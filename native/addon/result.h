/** Results of system calls: `>= 0` or `-errno`, EINTR retried; and file descriptors that close themselves. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

/** The value of a call that sets errno, as we answer it. */
inline int64_t result(int64_t rc) { return rc < 0 ? -static_cast<int64_t>(errno) : rc; }

/** Call until it is not interrupted by a signal. */
template <typename F>
inline int64_t retry(F call) {
  int64_t rc;
  do {
    rc = result(call());
  } while (rc == -EINTR);
  return rc;
}

/** An fd that is ours to close. */
class Fd {
 public:
  explicit Fd(int64_t fd) : fd_(static_cast<int>(fd)) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  /** The caller's from now on. */
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/** `/proc/self/fd/N`: a path to the very object behind an fd. Followed, it stops there, even at a symbolic link. */
struct ProcPath {
  explicit ProcPath(int fd) { snprintf(path, sizeof path, "/proc/self/fd/%d", fd); }
  operator const char*() const { return path; }
  char path[32];
};
