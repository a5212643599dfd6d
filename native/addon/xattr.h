/** Extended attributes of an object, addressed as everywhere: a name in a directory, or '' for the open file itself. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int64_t getXattrOf(int dirfd, const char* name, const char* key, void* value, size_t size);
int64_t setXattrOf(int dirfd, const char* name, const char* key, const void* value, size_t size, int flags);
int64_t removeXattrOf(int dirfd, const char* name, const char* key);
