#include "hand-back.h"

#include <atomic>
#include <vector>

#include "families.h"
#include "result.h"

namespace {

std::atomic<napi_threadsafe_function> wanted{nullptr};

struct Full {
  std::vector<uint8_t> message;
  int64_t error;
};

void give(napi_env env, napi_value callback, void*, void* data) {
  Full* full = static_cast<Full*>(data);
  napi_value undefined;
  napi_value arguments[2];
  if (env != nullptr && napi_get_undefined(env, &undefined) == napi_ok &&
      napi_create_buffer_copy(env, full->message.size(), full->message.data(), nullptr, &arguments[0]) == napi_ok) {
    arguments[1] = toValue(env, full->error);
    napi_call_function(env, undefined, callback, 2, arguments, nullptr);
  }
  delete full;
}

napi_value dataHandBack(Raw callback) {
  napi_env env = callback.env;
  napi_valuetype type;
  if (napi_typeof(env, callback.value, &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "dataHandBack: argument 'full' must be a function");
    return nullptr;
  }
  napi_value name;
  napi_threadsafe_function function;
  napi_create_string_utf8(env, "tsaufs.full", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, callback.value, nullptr, name, 0, 1, nullptr, nullptr, nullptr, give,
                                      &function) != napi_ok) {
    return toValue(env, -ENOMEM);
  }
  // Alone it keeps nobody alive.
  napi_unref_threadsafe_function(env, function);
  wanted.store(function);
  return toValue(env, int64_t{0});
}

const Method methods[] = {
    method<dataHandBack>("dataHandBack", "full"),
};

}  // namespace

const Methods handBackMethods = {methods, lengthOf(methods)};

bool handsBack() { return wanted.load(std::memory_order_relaxed) != nullptr; }

bool handBack(const uint8_t* message, size_t length, int64_t error) {
  napi_threadsafe_function function = wanted.load();
  if (function == nullptr) return false;
  Full* full = new Full{std::vector<uint8_t>(message, message + length), error};
  if (napi_call_threadsafe_function(function, full, napi_tsfn_nonblocking) == napi_ok) return true;
  delete full;
  return false;
}
