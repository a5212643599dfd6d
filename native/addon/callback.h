/** A JavaScript function that another thread has called when its work is done. */
#pragma once

#include "args.h"

class Callback {
 public:
  /**
   * Take a function; the event loop stays alive until it was called.
   * @returns nullptr without memory, or when `function` is none: then a TypeError of `method` is pending
   */
  static Callback* take(const Raw& function, const char* method);

  /**
   * Have `function(rc)` called from the event loop, once; the object is gone after that. From any thread. When the loop is
   * closing the process ends, and the object with it.
   */
  void call(int64_t rc);

 private:
  explicit Callback(napi_ref function) : function_(function) {}
  static void arrive(napi_env env, napi_value, void*, void* data);
  static bool open(napi_env env);

  const napi_ref function_;
  napi_threadsafe_function loop_ = nullptr;
  int64_t rc_ = 0;
};
