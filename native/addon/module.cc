/** The addon's exports: the functions of all families, the constants and the shared buffers. */
#include "families.h"

namespace {

bool define(napi_env env, napi_value exports, const Methods& methods) {
  for (size_t i = 0; i < methods.count; i++) {
    const Method& method = methods.first[i];
    napi_value function;
    void* data = const_cast<Method*>(&method);
    if (napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.call, data, &function) != napi_ok) return false;
    if (napi_set_named_property(env, exports, method.name, function) != napi_ok) return false;
  }
  return true;
}

}  // namespace

NAPI_MODULE_INIT() {
  const Methods* families[] = {&atMethods,   &credMethods,  &statMethods,    &xattrMethods,   &dirMethods,  &rowMethods,
                               &copyMethods, &mountMethods, &processMethods, &socketMethods, &fuseDevMethods,
                               &dataMethods,  &attrMethods, &handBackMethods, &watchMethods, &storedStatMethods,
                               &bpfMethods};
  for (const Methods* methods : families) {
    if (!define(env, exports, *methods)) return nullptr;
  }
  napi_set_named_property(env, exports, "constants", makeConstants(env));
  napi_set_named_property(env, exports, "sizes", makeSizes(env));
  napi_set_named_property(env, exports, "stat", makeStatBuffer(env));
  napi_set_named_property(env, exports, "fsstat", makeFsstatBuffer(env));
  return exports;
}
