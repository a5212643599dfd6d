/** What failed, once. */
#include <stdio.h>
#include <string.h>

#include "init.h"

struct failure fault = {.step = -1, .exit_code = EXIT_OURS};

int failed(int rc, const char* what, const char* path) {
  if (rc >= 0 || fault.error != 0) return rc;
  fault.error = -rc;
  snprintf(fault.what, sizeof fault.what, "%s", what);
  snprintf(fault.path, sizeof fault.path, "%s", path == NULL ? "" : path);
  return rc;
}

const char* errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name == NULL ? "E?" : name;
}
