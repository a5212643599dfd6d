/** Open files: size, sync, locks, and copying data here or on a worker. */
#include <sys/file.h>
#include <unistd.h>

#include "callback.h"
#include "copy-range.h"
#include "families.h"
#include "jobs.h"
#include "result.h"

namespace {

int64_t truncateFd(int fd, int64_t size) {
  return retry([&] { return ftruncate(fd, size); });
}

int64_t syncFd(int fd, int dataOnly) {
  return retry([&] { return dataOnly != 0 ? fdatasync(fd) : fsync(fd); });
}

int64_t syncFs(int fd) {
  return retry([&] { return syncfs(fd); });
}

int64_t lockFd(int fd, int operation) {
  return retry([&] { return flock(fd, operation); });
}

class CopyJob : public Job {
 public:
  CopyJob(int src, int dst, int64_t size, Callback* done) : src_(src), dst_(dst), size_(size), done_(done) {}

  void run() override {
    done_->call(copyData(src_, dst_, size_));
    delete this;
  }

 private:
  const int src_;
  const int dst_;
  const int64_t size_;
  Callback* const done_;
};

napi_value copyDataAsync(int src, int dst, int64_t size, Raw done) {
  Callback* callback = Callback::take(done, "copyDataAsync");
  if (callback == nullptr) return toValue(done.env, -ENOMEM);
  submitJob(new CopyJob(src, dst, size, callback));
  return toValue(done.env, int64_t{0});
}

const Method methods[] = {
    method<truncateFd>("ftruncate", "fd size"),
    method<syncFd>("fsync", "fd dataOnly"),
    method<syncFs>("syncfs", "fd"),
    method<lockFd>("flock", "fd operation"),
    method<copyData>("copyData", "src dst size"),
    method<copyDataAsync>("copyDataAsync", "src dst size done"),
};

}  // namespace

const Methods copyMethods = {methods, lengthOf(methods)};
