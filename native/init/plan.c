/** Reading a plan: lengths and offsets are hostile until checked. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

enum { HEADER = 16 };

static const uint8_t* take(struct reader* from, size_t length) {
  if (from->bad || (size_t)(from->end - from->at) < length) {
    from->bad = true;
    return NULL;
  }
  const uint8_t* data = from->at;
  from->at += length;
  return data;
}

uint32_t get_u32(struct reader* from) {
  uint32_t value = 0;
  const uint8_t* data = take(from, sizeof value);
  if (data != NULL) memcpy(&value, data, sizeof value);
  return value;
}

uint64_t get_u64(struct reader* from) {
  uint64_t value = 0;
  const uint8_t* data = take(from, sizeof value);
  if (data != NULL) memcpy(&value, data, sizeof value);
  return value;
}

const uint8_t* get_bytes(struct reader* from, size_t* length) {
  *length = get_u32(from);
  const uint8_t* data = take(from, *length);
  if (data == NULL) *length = 0;
  return data;
}

const char* get_string(struct reader* from) {
  size_t length;
  const uint8_t* data = get_bytes(from, &length);
  const uint8_t* end = take(from, 1);
  if (data == NULL || end == NULL) return "";
  if (*end == '\0' && memchr(data, '\0', length) == NULL) return (const char*)data;
  from->bad = true;
  return "";
}

bool at_end(const struct reader* from) { return !from->bad && from->at == from->end; }

struct reader plan_records(const struct plan* plan) {
  return (struct reader){.at = plan->bytes + HEADER, .end = plan->bytes + plan->length};
}

bool next_record(struct reader* records, struct record* record) {
  if (records->bad || records->at == records->end) return false;
  record->op = get_u32(records);
  size_t length;
  const uint8_t* data = get_bytes(records, &length);
  if (records->bad) return false;
  record->fields = (struct reader){.at = data, .end = data + length};
  return true;
}

static int check_frame(struct plan* plan) {
  struct reader header = {.at = plan->bytes, .end = plan->bytes + plan->length};
  if (get_u32(&header) != PLAN_MAGIC || get_u32(&header) != PLAN_VERSION) return -EBADMSG;
  if (get_u32(&header) != plan->length) return -EBADMSG;
  plan->record_count = get_u32(&header);
  if (header.bad || plan->record_count > PLAN_RECORDS_MAX) return -EBADMSG;
  struct reader records = plan_records(plan);
  struct record record;
  uint32_t count = 0;
  while (next_record(&records, &record)) count++;
  return records.bad || count != plan->record_count ? -EBADMSG : 0;
}

int read_plan(int fd, struct plan* plan) {
  size_t room = 64 << 10;
  size_t length = 0;
  uint8_t* bytes = malloc(room);
  while (bytes != NULL) {
    const ssize_t rc = read(fd, bytes + length, room - length);
    if (rc < 0 && errno == EINTR) continue;
    if (rc < 0) return failed(-errno, "read the plan", NULL);
    if (rc == 0) break;
    length += (size_t)rc;
    if (length > PLAN_BYTES_MAX) return failed(-EFBIG, "read the plan", NULL);
    if (length == room) bytes = realloc(bytes, room *= 2);
  }
  if (bytes == NULL) return failed(-ENOMEM, "read the plan", NULL);
  *plan = (struct plan){.bytes = bytes, .length = length};
  return failed(check_frame(plan), "read the plan", NULL);
}
