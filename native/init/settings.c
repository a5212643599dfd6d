/** Settings of a plan, decoded into one structure. */
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "settings.h"

static const int NAMESPACES =
  CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWCGROUP | 0x80 /* CLONE_NEWTIME */;

static void decode_namespaces(struct settings* to, struct reader* fields) {
  to->new_namespaces = (int)get_u32(fields);
  to->joined_count = get_u32(fields);
  if (to->joined_count > JOINED_MAX || (to->new_namespaces & ~NAMESPACES) != 0) fields->bad = true;
  for (uint32_t i = 0; i < to->joined_count && !fields->bad; i++) {
    to->joined[i].type = (int)get_u32(fields);
    to->joined[i].path = get_string(fields);
    if ((to->joined[i].type & ~NAMESPACES) != 0) fields->bad = true;
  }
}

static uint32_t decode_mappings(struct mapping* list, struct reader* fields) {
  const uint32_t count = get_u32(fields);
  if (count > MAPPINGS_MAX) fields->bad = true;
  for (uint32_t i = 0; i < count && !fields->bad; i++) {
    list[i].inside = get_u32(fields);
    list[i].outside = get_u32(fields);
    list[i].size = get_u32(fields);
  }
  return count;
}

static void decode_maps(struct settings* to, struct reader* fields) {
  to->maps.by_tool = get_u32(fields) != 0;
  to->maps.deny_setgroups = get_u32(fields) != 0;
  to->maps.uid_count = decode_mappings(to->maps.uids, fields);
  to->maps.gid_count = decode_mappings(to->maps.gids, fields);
}

/** @return how many; no more than `room` */
static uint32_t decode_strings(const char** list, uint32_t room, struct reader* fields) {
  const uint32_t count = get_u32(fields);
  if (count > room) fields->bad = true;
  for (uint32_t i = 0; i < count && !fields->bad; i++) list[i] = get_string(fields);
  return count;
}

static void decode_io(struct settings* to, struct reader* fields) {
  const uint32_t kind = get_u32(fields);
  to->has_stdin = get_u32(fields) != 0;
  to->io_uid = get_u32(fields);
  to->io_gid = get_u32(fields);
  if (kind > IO_TTY) fields->bad = true;
  to->io = (enum io_kind)kind;
}

static void decode_conduct(struct settings* to, struct reader* fields) {
  to->conduct = get_u32(fields);
  to->stop_signal = (int)get_u32(fields);
  to->oom_score = (int32_t)get_u32(fields);
  if (to->stop_signal <= 0 || to->stop_signal > SIGRTMAX) fields->bad = true;
}

static void decode_raise(struct settings* to, struct reader* fields) {
  if (to->raise_count == LIMITS_MAX) {
    fields->bad = true;
    return;
  }
  struct raise* raise = &to->raises[to->raise_count++];
  raise->resource = get_u32(fields);
  raise->name = get_string(fields);
  raise->hard = get_u64(fields);
}

static bool decode(struct settings* to, struct record* record) {
  struct reader* fields = &record->fields;
  switch (record->op) {
    case OP_NAMESPACES: decode_namespaces(to, fields); break;
    case OP_ID_MAPS: decode_maps(to, fields); break;
    case OP_CGROUP_PROCS: to->procs_count = decode_strings(to->procs, PROCS_MAX, fields); break;
    case OP_IO: decode_io(to, fields); break;
    case OP_CONDUCT: decode_conduct(to, fields); break;
    case OP_EXIT_COMMAND: decode_strings(to->exit_command, COMMAND_MAX, fields); break;
    case OP_OOM_FILE: to->oom_file = get_string(fields); break;
    case OP_TARGET:
      to->target = (pid_t)get_u32(fields);
      to->target_start = get_u64(fields);
      if (to->target <= 0) fields->bad = true;
      break;
    case OP_TIME_OFFSETS:
      to->has_offsets = true;
      to->monotonic_s = (int64_t)get_u64(fields);
      to->monotonic_ns = get_u32(fields);
      to->boottime_s = (int64_t)get_u64(fields);
      to->boottime_ns = get_u32(fields);
      break;
    case OP_RAISE_LIMIT: decode_raise(to, fields); break;
    default: return false;
  }
  return at_end(fields);
}

int read_settings(const struct plan* plan, struct settings* settings) {
  memset(settings, 0, sizeof *settings);
  settings->oom_file = "";
  settings->stop_signal = SIGTERM;
  struct reader records = plan_records(plan);
  struct record record;
  while (next_record(&records, &record) && record.op < OP_FIRST_STEP) {
    if (!decode(settings, &record)) return failed(-EBADMSG, "read the plan", NULL);
  }
  return 0;
}
