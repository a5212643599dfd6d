/** Who the program runs as, and with what rights. */
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

enum { UMASK_DEFAULT = 022, CAPABILITIES = 64 };

int step_user(struct stage* stage, struct reader* fields) {
  const char* spec = get_string(fields);
  const bool has_home = get_u32(fields) != 0;
  const uid_t uid = get_u32(fields);
  const gid_t gid = get_u32(fields);
  const uint32_t mask = get_u32(fields);
  const uint32_t count = get_u32(fields);
  if (count > STEP_GROUPS_MAX || uid > INT32_MAX || gid > INT32_MAX) return -EBADMSG;
  stage->group_count = count;
  stage->groups_asked = count > 0;
  for (uint32_t i = 0; i < count; i++) stage->groups[i] = get_u32(fields);
  const uint32_t names = get_u32(fields);
  const struct reader first_name = *fields;
  if (names > STEP_GROUPS_MAX) return -EBADMSG;
  if (names > 0) stage->groups_asked = true;
  for (uint32_t i = 0; i < names; i++) get_string(fields);
  DECODED(stage, fields);
  stage->uid = uid;
  stage->gid = gid;
  stage->umask = mask > 0777 ? UMASK_DEFAULT : mask;
  int rc = *spec == '\0' && has_home ? 0 : look_up_user(stage, spec);
  struct reader more = first_name;
  for (uint32_t i = 0; i < names && rc >= 0; i++) {
    if (stage->group_count == STEP_GROUPS_MAX) return failed(-E2BIG, "set the groups", NULL);
    rc = look_up_group(stage, get_string(&more), &stage->groups[stage->group_count]);
    stage->group_count++;
  }
  // The program may want to open its own output again, by /dev/stdout.
  for (int i = 0; i < 3 && rc >= 0; i++) {
    struct stat about;
    rc = sys(fstat(stage->stdio[i], &about));
    if (rc < 0 || S_ISREG(about.st_mode) || (S_ISCHR(about.st_mode) && !stage->tty)) continue;
    rc = sys(fchown(stage->stdio[i], stage->uid, stage->tty ? (gid_t)-1 : stage->gid));
    // Not ours to give away (a user namespace that does not map its owner): the program can still use the descriptor.
    if (rc == -EPERM || rc == -EINVAL || rc == -EOVERFLOW) rc = 0;
  }
  return rc;
}

/** A change of ids clears both: nobody may trace us before the exec, and a monitor that dies takes us with it. */
static int stay_guarded(void) {
  const int rc = sys(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  return rc < 0 ? rc : sys(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

int step_become_root(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  int rc = sys(setresgid(0, 0, 0));
  if (rc >= 0) rc = sys(setresuid(0, 0, 0));
  return rc < 0 ? rc : stay_guarded();
}

/** setgroups is denied for ever where the map of groups was written without privilege. */
static bool setgroups_is_denied(void) {
  char text[8];
  int proc = proc_detached();
  if (proc < 0) proc = proc_open("/proc");
  if (proc < 0) return false;
  char path[64];
  const ssize_t length = readlinkat(proc, "self", path, 16);
  strcpy(path + (length < 0 ? 0 : length), "/setgroups");
  const int rc = proc_read(proc, path, text, sizeof text);
  close(proc);
  return rc >= 4 && strncmp(text, "deny", 4) == 0;
}

static int set_groups(const struct stage* stage) {
  const int rc = sys((int)syscall(SYS_setgroups, stage->group_count, stage->groups));
  // Groups that only the container's own files name: none of them exists where setgroups is denied.
  return rc == -EPERM && !stage->groups_asked && setgroups_is_denied() ? 0 : rc;
}

int step_bounding(struct stage* stage, struct reader* fields) {
  const uint64_t keep = get_u64(fields);
  DECODED(stage, fields);
  for (unsigned long each = 0; each < CAPABILITIES; each++) {
    const int has = sys(prctl(PR_CAPBSET_READ, each, 0, 0, 0));
    if (has == -EINVAL) break;
    if (has <= 0 || (keep >> each & 1) != 0) continue;
    const int rc = sys(prctl(PR_CAPBSET_DROP, each, 0, 0, 0));
    if (rc < 0) return rc;
  }
  return 0;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable, uint64_t ambient) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = (uint32_t)(effective >> 32 * i);
    data[i].permitted = (uint32_t)(permitted >> 32 * i);
    data[i].inheritable = (uint32_t)(inheritable >> 32 * i);
  }
  int rc = sys((int)syscall(SYS_capset, &header, data));
  if (rc >= 0) rc = sys(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  for (unsigned long each = 0; each < CAPABILITIES && rc >= 0; each++) {
    if ((ambient >> each & 1) != 0) rc = sys(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0));
  }
  return rc;
}

int step_identity(struct stage* stage, struct reader* fields) {
  const uint64_t effective = get_u64(fields);
  const uint64_t permitted = get_u64(fields);
  const uint64_t inheritable = get_u64(fields);
  const uint64_t ambient = get_u64(fields);
  DECODED(stage, fields);
  int rc = sys(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  if (rc >= 0) rc = failed(set_groups(stage), "set the groups", NULL);
  if (rc >= 0) rc = failed(sys(setresgid(stage->gid, stage->gid, stage->gid)), "become the group", NULL);
  if (rc >= 0) rc = failed(sys(setresuid(stage->uid, stage->uid, stage->uid)), "become the user", NULL);
  if (rc >= 0) rc = failed(set_capabilities(effective, permitted, inheritable, ambient), "set the capabilities", NULL);
  if (rc >= 0) rc = sys(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  umask(stage->umask);
  return rc < 0 ? rc : stay_guarded();
}

int step_no_new_privs(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  return sys(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int step_seccomp(struct stage* stage, struct reader* fields) {
  const uint32_t flags = get_u32(fields);
  size_t length;
  const uint8_t* bytes = get_bytes(fields, &length);
  if (length == 0 || length % sizeof(struct sock_filter) != 0 || length / sizeof(struct sock_filter) > BPF_MAXINSNS) return -EBADMSG;
  DECODED(stage, fields);
  struct sock_filter* filter = malloc(length);
  if (filter == NULL) return -ENOMEM;
  memcpy(filter, bytes, length);
  const struct sock_fprog program = {.len = (unsigned short)(length / sizeof *filter), .filter = filter};
  const int rc = sys((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
  free(filter);
  return rc;
}
