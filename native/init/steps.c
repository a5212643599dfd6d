/** The table of steps, and the walk through a plan. */
#include <string.h>

#include "stage.h"

static const struct {
  uint32_t op;
  const char* what;
  step_function* perform;
} STEPS[] = {
  {OP_GO, "wait for the go", step_go},
  {OP_UNSHARE, "make a namespace", step_unshare},
  {OP_PROPAGATION, "keep mounts from the host", step_propagation},
  {OP_SOURCE, "open what is to be mounted", step_source},
  {OP_ROOT, "open the root", step_root},
  {OP_BECOME_ROOT, "become root of the user namespace", step_become_root},
  {OP_MOUNT, "mount", step_mount},
  {OP_ATTRIBUTES, "change a mount", step_attributes},
  {OP_DEVICE, "make a device", step_device},
  {OP_SYMLINK, "make a link", step_symlink},
  {OP_MKDIR, "make a directory", step_mkdir},
  {OP_CONSOLE, "open a terminal", step_console},
  {OP_MASK, "mask", step_mask},
  {OP_READONLY_PATH, "make read-only", step_readonly_path},
  {OP_PIVOT, "change the root", step_pivot},
  {OP_HOSTNAME, "set the host name", step_hostname},
  {OP_DOMAINNAME, "set the domain name", step_domainname},
  {OP_SYSCTL, "set a sysctl", step_sysctl},
  {OP_KEYRING, "make a session keyring", step_keyring},
  {OP_LIMIT, "set a limit", step_limit},
  {OP_USER, "look up the user", step_user},
  {OP_BOUNDING, "drop capabilities", step_bounding},
  {OP_IDENTITY, "become the user", step_identity},
  {OP_NO_NEW_PRIVS, "give up new privileges", step_no_new_privs},
  {OP_SECCOMP, "load the seccomp filter", step_seccomp},
  {OP_REAPER, "start the init process", step_reaper},
  {OP_SESSION, "make a session", step_session},
  {OP_CWD, "change the directory", step_cwd},
  {OP_EXEC, "execute", step_exec},
  {OP_LOOPBACK, "bring up the loopback device", step_loopback},
};

static int perform_one(struct stage* stage, struct record* record) {
  for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
    if (STEPS[i].op != record->op) continue;
    return failed(STEPS[i].perform(stage, &record->fields), STEPS[i].what, NULL);
  }
  return failed(-EBADMSG, "read the plan", NULL);
}

int perform_steps(struct stage* stage, const struct plan* plan) {
  struct reader records = plan_records(plan);
  struct record record;
  bool executes = false;
  while (next_record(&records, &record)) {
    if (record.op < OP_FIRST_STEP) {
      // Settings stand first: the index of a failed step is then the one its writer counts.
      if (fault.step >= 0) return failed(-EBADMSG, "read the plan", NULL);
      continue;
    }
    fault.step++;
    executes = record.op == OP_EXEC;
    const int rc = perform_one(stage, &record);
    if (rc < 0) return rc;
  }
  if (!executes) return failed(-EBADMSG, "read the plan", NULL);
  fault.step = -1;
  return 0;
}
