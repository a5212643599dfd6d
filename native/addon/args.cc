#include "args.h"

#include <stdio.h>
#include <string.h>

namespace {

/** The double in `value` when it is a whole number of [low, high]. */
bool readWhole(napi_env env, napi_value value, double low, double high, double& out) {
  if (napi_get_value_double(env, value, &out) != napi_ok) return false;
  return out >= low && out <= high && out == static_cast<double>(static_cast<int64_t>(out));
}

}  // namespace

const char* readArg(napi_env env, napi_value value, int32_t& out) {
  double number;
  if (!readWhole(env, value, INT32_MIN, INT32_MAX, number)) return "a whole number of 32 bits";
  out = static_cast<int32_t>(number);
  return nullptr;
}

const char* readArg(napi_env env, napi_value value, uint32_t& out) {
  double number;
  if (!readWhole(env, value, INT32_MIN, UINT32_MAX, number)) return "a whole number of 32 bits";
  out = static_cast<uint32_t>(static_cast<int64_t>(number));
  return nullptr;
}

const char* readArg(napi_env env, napi_value value, int64_t& out) {
  constexpr double kLimit = 9007199254740992.0;
  double number;
  if (!readWhole(env, value, -kLimit, kLimit, number)) return "a whole number up to 2^53";
  out = static_cast<int64_t>(number);
  return nullptr;
}

// Read as UTF-16 and narrowed here: the latin1 getter would drop the high byte of a char without a word, and a decoded
// UTF-8 name would become another name (U+012F a slash).
const char* readArg(napi_env env, napi_value value, Name& out) {
  char16_t wide[kNameMax + 1];
  size_t length;
  if (napi_get_value_string_utf16(env, value, wide, kNameMax + 1, &length) != napi_ok) return "a string";
  unsigned zero = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < length; i++) {
    const unsigned unit = wide[i];
    bits |= unit;
    zero |= unit == 0;
    out.bytes[i] = static_cast<char>(unit);
  }
  out.bytes[length] = '\0';
  return bits > 0xff || zero != 0 ? "a string of bytes (latin1) without NUL" : nullptr;
}

const char* readArg(napi_env env, napi_value value, Bytes& out) {
  bool isBuffer = false;
  if (napi_is_buffer(env, value, &isBuffer) != napi_ok || !isBuffer) return "a Buffer";
  void* data = nullptr;
  if (napi_get_buffer_info(env, value, &data, &out.length) != napi_ok) return "a Buffer";
  out.data = static_cast<uint8_t*>(data);
  return nullptr;
}

const char* readArg(napi_env env, napi_value value, Raw& out) {
  out.env = env;
  out.value = value;
  return nullptr;
}

void throwBadArg(napi_env env, const Method& method, size_t index, const char* expected) {
  const char* param = method.params;
  for (size_t i = 0; i < index; i++) {
    param = strchr(param, ' ');
    if (param == nullptr) break;
    param++;
  }
  const int length = param == nullptr ? 0 : static_cast<int>(strcspn(param, " "));
  char text[200];
  snprintf(text, sizeof text, "%s: argument '%.*s' must be %s", method.name, length, param == nullptr ? "" : param,
           expected);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
}

napi_value toValue(napi_env env, int64_t number) {
  napi_value value = nullptr;
  if (number >= INT32_MIN && number <= INT32_MAX) {
    napi_create_int32(env, static_cast<int32_t>(number), &value);
  } else {
    napi_create_double(env, static_cast<double>(number), &value);
  }
  return value;
}
