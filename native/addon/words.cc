#include "words.h"

bool readWords(Raw list, const char* function, std::vector<std::string>& words) {
  uint32_t length = 0;
  bool good = napi_get_array_length(list.env, list.value, &length) == napi_ok && length > 0;
  for (uint32_t i = 0; good && i < length; i++) {
    napi_value element;
    napi_valuetype type;
    good = napi_get_element(list.env, list.value, i, &element) == napi_ok &&
           napi_typeof(list.env, element, &type) == napi_ok && type == napi_string;
    if (!good) break;
    // Not a Name: the options of a mount with many branches are longer than a path may be.
    size_t length16 = 0;
    napi_get_value_string_utf16(list.env, element, nullptr, 0, &length16);
    std::u16string wide(length16, u'\0');
    napi_get_value_string_utf16(list.env, element, wide.data(), length16 + 1, &length16);
    std::string text;
    for (const char16_t c : wide) {
      good = good && c >= 1 && c <= 0xff;
      text.push_back(static_cast<char>(c));
    }
    if (good) words.push_back(text);
  }
  if (good) return true;
  const std::string message = std::string(function) + ": argument 'argv' must be a list of byte strings";
  napi_throw_type_error(list.env, "ERR_INVALID_ARG_TYPE", message.c_str());
  return false;
}
