/**
 * A read-only mount of layers beside a writable one on the same layers: the process that serves the writable one takes it
 * too (lib/daemon/beside.ts), so that both have one device. It is found by its layers, and by the engine that runs us.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "start.h"

/** Engines put a directory with nothing in it below a single layer. */
static bool is_empty(const char* path) {
  DIR* dir = opendir(path);
  if (dir == NULL) return false;
  int count = 0;
  while (count < 3 && readdir(dir) != NULL) count++;
  closedir(dir);
  return count <= 2;
}

/** FNV-1a. */
static uint64_t mix(uint64_t hash, const char* text) {
  do hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
  while (*text++ != '\0');
  return hash;
}

/** One path of the list, escapes undone. @return where the list goes on */
static const char* take_path(const char* list, char* path, size_t room) {
  size_t length = 0;
  for (; *list != '\0' && *list != ':' && *list != ','; list++) {
    if (*list == '\\' && list[1] != '\0') list++;
    if (length + 1 < room) path[length++] = *list;
  }
  path[length] = '\0';
  return *list == ':' ? list + 1 : list;
}

/** The value of `lowerdir`; NULL without one, or where something is to be written. */
static const char* lower_list(const char* options) {
  const char* list = NULL;
  for (const char* at = options; at != NULL; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, "upperdir=", 9) == 0) return NULL;
    if (strncmp(at, "lowerdir=", 9) == 0) list = at + 9;
  }
  return list;
}

bool layers_hash(const char* options, char* name, size_t room) {
  const char* list = lower_list(options);
  if (list == NULL) return false;
  uint64_t hash = UINT64_C(14695981039346656037);
  while (*list != '\0' && *list != ',') {
    char path[PATH_MAX];
    char real[PATH_MAX];
    list = take_path(list, path, sizeof path);
    if (*path == '\0' || realpath(path, real) == NULL || is_empty(real)) continue;
    hash = mix(hash, real);
  }
  snprintf(name, room, ".beside.%016llx", (unsigned long long)hash);
  return true;
}
