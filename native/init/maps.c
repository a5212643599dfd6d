/** Id maps of a user namespace, written by the one outside. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

enum { LINE_ROOM = 36, ARGUMENT_ROOM = 12 };

static int write_map(int proc, pid_t pid, const char* file, const struct mapping* list, uint32_t count) {
  char path[40];
  char* text = malloc((size_t)count * LINE_ROOM + 1);
  if (text == NULL) return -ENOMEM;
  size_t length = 0;
  for (uint32_t i = 0; i < count; i++) {
    length += (size_t)snprintf(text + length, LINE_ROOM, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", list[i].inside,
      list[i].outside, list[i].size);
  }
  snprintf(path, sizeof path, "%d/%s", pid, file);
  const int rc = proc_write(proc, path, text, length);
  free(text);
  return failed(rc, "write the id map", file);
}

/** newuidmap PID (INSIDE OUTSIDE SIZE)...: a setuid program that checks /etc/subuid. */
static int run_tool(const char* tool, pid_t pid, const struct mapping* list, uint32_t count) {
  char(*words)[ARGUMENT_ROOM] = calloc((size_t)count * 3 + 1, ARGUMENT_ROOM);
  char** argv = calloc((size_t)count * 3 + 3, sizeof *argv);
  if (words == NULL || argv == NULL) return -ENOMEM;
  size_t argc = 0;
  argv[argc++] = (char*)tool;
  snprintf(words[0], ARGUMENT_ROOM, "%d", pid);
  argv[argc++] = words[0];
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t numbers[] = {list[i].inside, list[i].outside, list[i].size};
    for (int n = 0; n < 3; n++) {
      char* word = words[1 + 3 * i + (uint32_t)n];
      snprintf(word, ARGUMENT_ROOM, "%" PRIu32, numbers[n]);
      argv[argc++] = word;
    }
  }
  const pid_t worker = fork();
  if (worker == 0) {
    execvp(tool, argv);
    _exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
  }
  int rc = worker < 0 ? -errno : 0;
  int status = 0;
  while (rc == 0 && waitpid(worker, &status, 0) < 0 && errno == EINTR) continue;
  if (rc == 0 && status != 0) rc = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_FOUND ? -ENOENT : -EPERM;
  free(words);
  free(argv);
  return failed(rc, "run", tool);
}

int write_maps(const struct maps* maps, pid_t pid) {
  if (maps->by_tool) {
    const int rc = run_tool("newuidmap", pid, maps->uids, maps->uid_count);
    return rc < 0 ? rc : run_tool("newgidmap", pid, maps->gids, maps->gid_count);
  }
  const int proc = proc_open("/proc");
  if (proc < 0) return failed(proc, "write the id map", "/proc");
  int rc = write_map(proc, pid, "uid_map", maps->uids, maps->uid_count);
  if (rc >= 0 && maps->deny_setgroups) {
    char path[40];
    snprintf(path, sizeof path, "%d/setgroups", pid);
    rc = failed(proc_write(proc, path, "deny", 4), "deny setgroups", NULL);
  }
  if (rc >= 0) rc = write_map(proc, pid, "gid_map", maps->gids, maps->gid_count);
  close(proc);
  return rc;
}
