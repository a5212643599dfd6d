#include "loop.h"

#include <uv.h>

#include <string>

namespace {

napi_env loopEnv = nullptr;
uv_loop_t* loop = nullptr;

/**
 * Makes uv_backend_timeout() tell the truth: it says 0 when no handle is referenced, although unreferenced timers and
 * signals are wanted while we wait. Referenced only during that question, so it keeps nobody alive.
 */
uv_async_t present;

int backendTimeout() {
  uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(&present);
  uv_ref(handle);
  const int timeout = uv_backend_timeout(loop);
  uv_unref(handle);
  return timeout;
}

/**
 * Whether JavaScript has called setImmediate() and waits for it. The loop's idle handle, by which node keeps the loop from
 * sleeping, does not tell: it is still active in the very callback of the last one, where we are called from.
 */
bool immediatePending() {
  napi_value global;
  napi_value process;
  napi_value function;
  napi_value names = nullptr;
  napi_get_global(loopEnv, &global);
  if (napi_get_named_property(loopEnv, global, "process", &process) != napi_ok) return false;
  if (napi_get_named_property(loopEnv, process, "getActiveResourcesInfo", &function) != napi_ok) return false;
  uint32_t count = 0;
  if (napi_call_function(loopEnv, process, function, 0, nullptr, &names) != napi_ok ||
      napi_get_array_length(loopEnv, names, &count) != napi_ok) {
    napi_value exception;
    napi_get_and_clear_last_exception(loopEnv, &exception);
    return false;
  }
  // Immediates come last in the list.
  while (count-- > 0) {
    napi_value name;
    char text[16] = "";
    napi_get_element(loopEnv, names, count, &name);
    napi_get_value_string_latin1(loopEnv, name, text, sizeof text, nullptr);
    if (text == std::string("Immediate")) return true;
  }
  return false;
}

struct Idle {
  uv_idle_t* handle = nullptr;
  int count = 0;
};

Idle activeIdle() {
  Idle idle;
  const uv_walk_cb look = [](uv_handle_t* handle, void* found) {
    if (handle->type != UV_IDLE || uv_is_active(handle) == 0) return;
    static_cast<Idle*>(found)->handle = reinterpret_cast<uv_idle_t*>(handle);
    static_cast<Idle*>(found)->count++;
  };
  uv_walk(loop, look, &idle);
  return idle;
}

}  // namespace

void openLoop(napi_env env) {
  loopEnv = env;
  if (loop != nullptr) return;
  napi_get_uv_event_loop(env, &loop);
  uv_async_init(loop, &present, nullptr);
  uv_unref(reinterpret_cast<uv_handle_t*>(&present));
}

int loopTimeout() {
  uv_update_time(loop);
  const int timeout = backendTimeout();
  if (timeout != 0) return timeout;
  const Idle idle = activeIdle();
  if (idle.count != 1 || immediatePending()) return 0;
  const uv_idle_cb callback = idle.handle->idle_cb;
  uv_idle_stop(idle.handle);
  const int without = backendTimeout();
  uv_idle_start(idle.handle, callback);
  return without;
}

int loopFd() { return uv_backend_fd(loop); }
