/**
 * Users of the container, from its own /etc/passwd and /etc/group. Both files are hostile: resolved inside the root, only
 * plain files, bounded in size; lines that are too long or hold numbers out of range do not count.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stage.h"

enum { FILE_MAX = 4 << 20, LINE_MAX_BYTES = 4096, FIELDS = 7 };

/** The whole file with a NUL behind it, or NULL with the reason in `*error` (0: there is none). */
static char* read_file(int root, const char* path, int* error) {
  struct stat about;
  const int fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  *error = fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
  if (fd < 0) return NULL;
  *error = sys(fstat(fd, &about));
  // A fifo, or far too much, is no such file: whoever made it must not keep the host's root out by it.
  const bool none = *error < 0 || !S_ISREG(about.st_mode) || about.st_size > FILE_MAX;
  char* text = none ? NULL : malloc((size_t)about.st_size + 1);
  size_t length = 0;
  while (text != NULL && length < (size_t)about.st_size) {
    const ssize_t rc = read(fd, text + length, (size_t)about.st_size - length);
    if (rc <= 0) break;
    length += (size_t)rc;
  }
  close(fd);
  if (text != NULL) text[length] = '\0';
  return text;
}

/** Take the next usable line off `*at`, cut at its colons; missing fields are "". False at the end. */
static bool next_line(char** at, char* fields[FIELDS]) {
  static char none[] = "";
  while (**at != '\0') {
    char* line = *at;
    const size_t length = strcspn(line, "\n");
    *at = line + length + (line[length] == '\n');
    line[length] = '\0';
    if (length > LINE_MAX_BYTES || *line == '#' || *line == '\0') continue;
    for (int i = 0; i < FIELDS; i++) fields[i] = none;
    for (int i = 0; i < FIELDS && line != NULL; i++) fields[i] = strsep(&line, ":");
    return true;
  }
  return false;
}

/** A uid or gid: 0 to 2^31-1, as everywhere in containers. */
static bool read_id(const char* text, uint32_t* id) {
  if (*text < '0' || *text > '9') return false;
  char* end;
  errno = 0;
  const unsigned long value = strtoul(text, &end, 10);
  if (*end != '\0' || errno != 0 || value > INT32_MAX) return false;
  *id = (uint32_t)value;
  return true;
}

/** The name of the user that was found last; members of groups are named. */
static char found_name[256];

static void take_user(struct stage* stage, char* fields[FIELDS], uint32_t uid) {
  uint32_t gid;
  found_name[0] = '\0';
  if (strlen(fields[0]) < sizeof found_name) strcpy(found_name, fields[0]);
  stage->uid = uid;
  if (read_id(fields[3], &gid)) stage->gid = gid;
  if (fields[5][0] == '/' && strlen(fields[5]) < sizeof stage->home) strcpy(stage->home, fields[5]);
}

/** @return 1 when found, 0 when not */
static int find_user(struct stage* stage, const char* name, bool only_home) {
  int error;
  char* text = read_file(stage->root, "/etc/passwd", &error);
  if (error < 0) return failed(error, "look up the user", "/etc/passwd");
  uint32_t number = 0;
  const bool is_number = name != NULL && read_id(name, &number);
  char* fields[FIELDS];
  int found = 0;
  for (char* at = text; text != NULL && found == 0 && next_line(&at, fields);) {
    uint32_t uid;
    if (!read_id(fields[2], &uid)) continue;
    if (only_home ? uid != stage->uid : strcmp(fields[0], name) != 0 && !(is_number && uid == number)) continue;
    found = 1;
    const gid_t gid = stage->gid;
    take_user(stage, fields, uid);
    if (only_home) stage->gid = gid;
  }
  free(text);
  return found;
}

/** Add the groups `user` is a member of. */
static int add_memberships(struct stage* stage, const char* user) {
  int error;
  char* text = read_file(stage->root, "/etc/group", &error);
  if (error < 0) return failed(error, "look up the groups", "/etc/group");
  char* fields[FIELDS];
  for (char* at = text; text != NULL && next_line(&at, fields);) {
    uint32_t gid;
    if (!read_id(fields[2], &gid)) continue;
    char* members = fields[3];
    for (char* member; (member = strsep(&members, ",")) != NULL;) {
      if (strcmp(member, user) != 0 || stage->group_count == STEP_GROUPS_MAX) continue;
      stage->groups[stage->group_count++] = gid;
    }
  }
  free(text);
  return 0;
}

int look_up_group(struct stage* stage, const char* name, gid_t* group) {
  int error;
  char* text = read_file(stage->root, "/etc/group", &error);
  if (error < 0) return failed(error, "look up the group", "/etc/group");
  char* fields[FIELDS];
  uint32_t gid = 0;
  bool found = false;
  for (char* at = text; text != NULL && !found && next_line(&at, fields);) {
    found = read_id(fields[2], &gid) && strcmp(fields[0], name) == 0;
  }
  free(text);
  if (!found && !read_id(name, &gid)) return failed(-ENOENT, "look up the group", name);
  *group = gid;
  return 0;
}

int look_up_user(struct stage* stage, const char* spec) {
  if (*spec == '\0') {
    const int rc = find_user(stage, NULL, true);
    return rc < 0 ? rc : 0;
  }
  char user[256];
  const size_t length = strcspn(spec, ":");
  if (length >= sizeof user) return failed(-ENAMETOOLONG, "look up the user", "(a name of more than 255 bytes)");
  memcpy(user, spec, length);
  user[length] = '\0';
  const char* group = spec[length] == ':' ? spec + length + 1 : "";
  stage->uid = 0;
  stage->gid = 0;
  found_name[0] = '\0';
  int rc = *user == '\0' ? find_user(stage, "0", false) : find_user(stage, user, false);
  if (rc == 0 && *user != '\0' && !read_id(user, &stage->uid)) rc = -ENOENT;
  if (rc < 0) return failed(rc, "look up the user", user);
  if (*group != '\0') return look_up_group(stage, group, &stage->gid);
  // A number has the groups of its name, as with runc (GetExecUser); without a name it has none.
  return found_name[0] == '\0' ? 0 : add_memberships(stage, found_name);
}
