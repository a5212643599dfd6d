/**
 * JavaScript arguments to C++ parameters, and a result back.
 *
 * A method is a plain function of plain types; `method<fn>(name, parameters)` makes the N-API callback that reads the
 * arguments by the types of `fn`'s parameters. A bad argument is a programming error: a TypeError that names it.
 */
#pragma once

#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#include <tuple>
#include <type_traits>
#include <utility>

/** Longest path, key or symlink target we take; one more than PATH_MAX allows, so that the kernel says ENAMETOOLONG. */
constexpr size_t kNameMax = 4096;

/** A name, path or key: bytes 1..255, NUL at the end. Not initialised: it lives on the stack of every call. */
struct Name {
  Name() {}
  bool empty() const { return bytes[0] == '\0'; }
  operator const char*() const { return bytes; }
  char bytes[kNameMax + 1];
};

/** The memory of a Buffer; valid during the call. */
struct Bytes {
  Bytes() {}
  uint8_t* data;
  size_t length;
};

/** An argument that the method looks at itself. */
struct Raw {
  Raw() {}
  napi_env env;
  napi_value value;
};

/** One function of the addon; `params` are the parameters' names, separated by spaces. */
struct Method {
  const char* name;
  napi_callback call;
  const char* params;
};

/** The functions of one file. */
struct Methods {
  const Method* first;
  size_t count;
};

/** Read one argument; nullptr, or what was expected instead. */
const char* readArg(napi_env env, napi_value value, int32_t& out);
/** Takes -2^31 .. 2^32 - 1: flags and ids come signed or unsigned. */
const char* readArg(napi_env env, napi_value value, uint32_t& out);
/** A whole number up to 2^53. */
const char* readArg(napi_env env, napi_value value, int64_t& out);
const char* readArg(napi_env env, napi_value value, Name& out);
const char* readArg(napi_env env, napi_value value, Bytes& out);
const char* readArg(napi_env env, napi_value value, Raw& out);

/** Throw the TypeError for argument number `index` of `method`. */
void throwBadArg(napi_env env, const Method& method, size_t index, const char* expected);

/** A number; small ones as the engine's small integers. */
napi_value toValue(napi_env env, int64_t number);
/** What a method made itself; nullptr when it has thrown. */
inline napi_value toValue(napi_env, napi_value value) { return value; }

template <typename... A>
bool readArgs(napi_env env, const Method& method, napi_value* argv, A&... out) {
  size_t index = 0;
  const char* expected = nullptr;
  const bool good = (((expected = readArg(env, argv[index], out)) == nullptr && ++index) && ...);
  if (!good) throwBadArg(env, method, index, expected);
  return good;
}

template <auto Fn, typename R, typename... A>
napi_value callWith(napi_env env, napi_callback_info info, R (*)(A...)) {
  napi_value argv[sizeof...(A) + 1];
  size_t argc = sizeof...(A);
  void* data = nullptr;
  napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
  std::tuple<std::remove_cv_t<std::remove_reference_t<A>>...> args;
  const Method& method = *static_cast<const Method*>(data);
  const bool good = std::apply([&](auto&... out) { return readArgs(env, method, argv, out...); }, args);
  return good ? toValue(env, std::apply(Fn, args)) : nullptr;
}

template <auto Fn>
napi_value callback(napi_env env, napi_callback_info info) {
  return callWith<Fn>(env, info, Fn);
}

template <auto Fn>
constexpr Method method(const char* name, const char* params) {
  return Method{name, callback<Fn>, params};
}
