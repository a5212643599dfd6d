/** What each file gives to the module. */
#pragma once

#include "args.h"

extern const Methods atMethods;
extern const Methods credMethods;
extern const Methods statMethods;
extern const Methods xattrMethods;
extern const Methods dirMethods;
extern const Methods rowMethods;
extern const Methods copyMethods;
extern const Methods mountMethods;
extern const Methods processMethods;
extern const Methods socketMethods;
extern const Methods fuseDevMethods;
extern const Methods dataMethods;
extern const Methods attrMethods;
extern const Methods handBackMethods;
extern const Methods watchMethods;
extern const Methods bpfMethods;
extern const Methods storedStatMethods;

/** `constants` and `sizes`. */
napi_value makeConstants(napi_env env);
napi_value makeSizes(napi_env env);

/** The Buffers that statx() and statfs() fill. */
napi_value makeStatBuffer(napi_env env);
napi_value makeFsstatBuffer(napi_env env);

/** Length of an array known at compile time. */
template <typename T, size_t N>
constexpr size_t lengthOf(const T (&)[N]) {
  return N;
}
