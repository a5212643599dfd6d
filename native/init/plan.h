/**
 * The plan on the wire. Little endian, nothing aligned:
 *
 *     magic u32 "TSAP", version u32, size of all u32, number of records u32
 *     record: op u32, size of its fields u32, fields
 *     string: length u32, bytes, one NUL (not counted; no other NUL is in it)
 *
 * Records below OP_FIRST_STEP are settings and stand first; the others are steps, performed in their order by the process
 * that becomes the container. lib/engine/plan writes it; nothing in it is believed before it was checked.
 */
#pragma once
#include "init.h"

enum { PLAN_MAGIC = 0x50415354, PLAN_VERSION = 1, PLAN_BYTES_MAX = 16 << 20, PLAN_RECORDS_MAX = 65536 };

enum {
  OP_NAMESPACES = 1,
  OP_ID_MAPS,
  OP_CGROUP_PROCS,
  OP_IO,
  OP_CONDUCT,
  OP_EXIT_COMMAND,
  OP_OOM_FILE,
  OP_TARGET,
  OP_TIME_OFFSETS,
  OP_RAISE_LIMIT,

  OP_FIRST_STEP = 32,
  OP_GO = 32,
  OP_UNSHARE,
  OP_PROPAGATION,
  OP_SOURCE,
  OP_ROOT,
  OP_BECOME_ROOT,
  OP_MOUNT,
  OP_ATTRIBUTES,
  OP_DEVICE,
  OP_SYMLINK,
  OP_MKDIR,
  OP_CONSOLE,
  OP_MASK,
  OP_READONLY_PATH,
  OP_PIVOT,
  OP_HOSTNAME,
  OP_DOMAINNAME,
  OP_SYSCTL,
  OP_KEYRING,
  OP_LIMIT,
  OP_USER,
  OP_BOUNDING,
  OP_IDENTITY,
  OP_NO_NEW_PRIVS,
  OP_SECCOMP,
  OP_REAPER,
  OP_SESSION,
  OP_CWD,
  OP_EXEC,
  OP_LOOPBACK,
};

struct reader {
  const uint8_t* at;
  const uint8_t* end;
  bool bad;
};

uint32_t get_u32(struct reader* from);
uint64_t get_u64(struct reader* from);
/** Never NULL; "" when the plan is bad. */
const char* get_string(struct reader* from);
const uint8_t* get_bytes(struct reader* from, size_t* length);
/** Nothing was cut and nothing is left. */
bool at_end(const struct reader* from);

struct record {
  uint32_t op;
  struct reader fields;
};

struct plan {
  const uint8_t* bytes;
  size_t length;
  uint32_t record_count;
};

/** Read a plan from `fd` to its end and check its frame. @return -EBADMSG, -EFBIG, or what read(2) says. */
int read_plan(int fd, struct plan* plan);
/** All records as a reader; `next_record` takes one off it, and answers false at the end or when the frame is bad. */
struct reader plan_records(const struct plan* plan);
bool next_record(struct reader* records, struct record* record);
