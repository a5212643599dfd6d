/** Names, sysctls and limits of the container. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

enum { KEYCTL_JOIN_SESSION = 1, SYSCTL_ROOM = 512 };

int step_hostname(struct stage* stage, struct reader* fields) {
  const char* name = get_string(fields);
  DECODED(stage, fields);
  return failed(sys(sethostname(name, strlen(name))), "set the host name", name);
}

int step_domainname(struct stage* stage, struct reader* fields) {
  const char* name = get_string(fields);
  DECODED(stage, fields);
  return failed(sys(setdomainname(name, strlen(name))), "set the domain name", name);
}

int step_sysctl(struct stage* stage, struct reader* fields) {
  const char* path = get_string(fields);
  const char* value = get_string(fields);
  DECODED(stage, fields);
  char below[SYSCTL_ROOM];
  if (snprintf(below, sizeof below, "sys/%s", path) >= (int)sizeof below) return failed(-ENAMETOOLONG, "set a sysctl", path);
  int proc = proc_detached();
  // Some user namespaces are refused a procfs of their own; the container's is checked instead, mounts on it are not crossed.
  if (proc < 0) proc = open_strictly(stage->root, "/proc", O_RDONLY | O_DIRECTORY);
  if (proc < 0) return failed(proc, "set a sysctl", path);
  const int rc = proc_write(proc, below, value, strlen(value));
  close(proc);
  return failed(rc, "set a sysctl", path);
}

int step_keyring(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  // Without a name: a named keyring would be shared by all containers that use the name.
  const int rc = sys((int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION, NULL));
  return rc == -ENOSYS ? 0 : rc;
}

int step_limit(struct stage* stage, struct reader* fields) {
  const uint32_t resource = get_u32(fields);
  const char* name = get_string(fields);
  const struct rlimit limit = {.rlim_cur = get_u64(fields), .rlim_max = get_u64(fields)};
  if (resource >= RLIM_NLIMITS) return -EBADMSG;
  DECODED(stage, fields);
  return failed(sys(setrlimit((__rlimit_resource_t)resource, &limit)), "set a limit", name);
}
