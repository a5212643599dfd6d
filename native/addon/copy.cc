/** Open files: size, sync, locks, and copying data here or on a worker. */
#include <sys/file.h>
#include <unistd.h>

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

// The way back to this environment's event loop. It keeps the process alive only while a copy is under way.
thread_local napi_threadsafe_function finished = nullptr;
thread_local int copying = 0;

class CopyJob : public Job {
 public:
  CopyJob(int src, int dst, int64_t size, napi_threadsafe_function loop, napi_ref done)
      : src_(src), dst_(dst), size_(size), loop_(loop), done_(done) {}

  // When the loop is closing the process ends, and the job with it.
  void run() override {
    rc_ = copyData(src_, dst_, size_);
    napi_call_threadsafe_function(loop_, this, napi_tsfn_nonblocking);
  }

  void finish(napi_env env) {
    napi_value done;
    napi_value undefined;
    napi_get_reference_value(env, done_, &done);
    napi_delete_reference(env, done_);
    napi_get_undefined(env, &undefined);
    napi_value rc = toValue(env, rc_);
    napi_call_function(env, undefined, done, 1, &rc, nullptr);
  }

 private:
  int src_;
  int dst_;
  int64_t size_;
  napi_threadsafe_function loop_;
  napi_ref done_;
  int64_t rc_ = 0;
};

void onFinished(napi_env env, napi_value, void*, void* data) {
  CopyJob* job = static_cast<CopyJob*>(data);
  if (env != nullptr) {
    if (--copying == 0) napi_unref_threadsafe_function(env, finished);
    job->finish(env);
  }
  delete job;
}

bool openLoop(napi_env env) {
  if (finished != nullptr) return true;
  napi_value name;
  napi_create_string_utf8(env, "tsaufs.copyData", NAPI_AUTO_LENGTH, &name);
  return napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, onFinished,
                                         &finished) == napi_ok;
}

napi_value copyDataAsync(int src, int dst, int64_t size, Raw done) {
  napi_env env = done.env;
  napi_valuetype type;
  if (napi_typeof(env, done.value, &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "copyDataAsync: argument 'done' must be a function");
    return nullptr;
  }
  napi_ref reference;
  if (!openLoop(env) || napi_create_reference(env, done.value, 1, &reference) != napi_ok) return toValue(env, -ENOMEM);
  if (copying++ == 0) napi_ref_threadsafe_function(env, finished);
  submitJob(new CopyJob(src, dst, size, finished, reference));
  return toValue(env, int64_t{0});
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
