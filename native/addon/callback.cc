#include "callback.h"

#include <string>

namespace {

// The way back to this environment's event loop. It keeps the process alive only while somebody is to be called.
thread_local napi_threadsafe_function loop = nullptr;
thread_local int waiting = 0;

}  // namespace

bool Callback::open(napi_env env) {
  if (loop != nullptr) return true;
  napi_value name;
  napi_create_string_utf8(env, "tsaufs", NAPI_AUTO_LENGTH, &name);
  return napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, arrive, &loop) ==
         napi_ok;
}

Callback* Callback::take(const Raw& function, const char* method) {
  napi_env env = function.env;
  napi_valuetype type;
  if (napi_typeof(env, function.value, &type) != napi_ok || type != napi_function) {
    const std::string text = std::string(method) + ": argument 'done' must be a function";
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text.c_str());
    return nullptr;
  }
  napi_ref reference;
  if (!open(env) || napi_create_reference(env, function.value, 1, &reference) != napi_ok) return nullptr;
  if (waiting++ == 0) napi_ref_threadsafe_function(env, loop);
  Callback* callback = new Callback(reference);
  callback->loop_ = loop;
  return callback;
}

void Callback::call(int64_t rc) {
  rc_ = rc;
  napi_call_threadsafe_function(loop_, this, napi_tsfn_nonblocking);
}

void Callback::arrive(napi_env env, napi_value, void*, void* data) {
  Callback* self = static_cast<Callback*>(data);
  if (env != nullptr) {
    if (--waiting == 0) napi_unref_threadsafe_function(env, loop);
    napi_value function;
    napi_value undefined;
    napi_get_reference_value(env, self->function_, &function);
    napi_delete_reference(env, self->function_);
    napi_get_undefined(env, &undefined);
    napi_value rc = toValue(env, self->rc_);
    napi_call_function(env, undefined, function, 1, &rc, nullptr);
  }
  delete self;
}
