/** What the monitor writes down: files of JSON that are whole at every moment. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor.h"

int write_record(const char* name, const struct queue* text) {
  char temporary[64];
  snprintf(temporary, sizeof temporary, ".%s.new", name);
  const int fd = sys(open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd < 0) return failed(fd, "write", name);
  int rc = write_all(fd, text->data + text->start, text->length);
  close(fd);
  if (rc >= 0) rc = sys(rename(temporary, name));
  return failed(rc, "write", name);
}

int write_monitor_record(const struct monitor* monitor) {
  char boot[64];
  char time[40];
  char text[400];
  uint64_t own = 0;
  uint64_t child = 0;
  const int proc = proc_open("/proc");
  if (proc < 0) return failed(proc, "look at the processes", "/proc");
  int rc = proc_read(proc, "sys/kernel/random/boot_id", boot, sizeof boot);
  if (rc >= 0) rc = proc_start(proc, getpid(), &own);
  if (rc >= 0) rc = proc_start(proc, monitor->child.pid, &child);
  close(proc);
  if (rc < 0) return failed(rc, "look at the processes", "/proc");
  boot[strcspn(boot, "\n")] = '\0';
  write_time(time, sizeof time);
  snprintf(text, sizeof text,
    "{\"monitor\":{\"pid\":%d,\"start\":%" PRIu64 "},\"container\":{\"pid\":%d,\"start\":%" PRIu64 "},\"boot\":\"%s\",\"startedAt\":\"%s\"}\n",
    getpid(), own, monitor->child.pid, child, boot, time);
  struct queue record = {.data = (uint8_t*)text, .length = strlen(text)};
  return write_record("monitor.json", &record);
}

uint64_t count_oom_kills(const struct monitor* monitor) {
  char text[4096];
  if (*monitor->settings.oom_file == '\0') return 0;
  const int fd = open(monitor->settings.oom_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return 0;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length < 0 ? 0 : length] = '\0';
  const char* at = strstr(text, "oom_kill ");
  return at == NULL ? 0 : strtoull(at + strlen("oom_kill "), NULL, 10);
}

void describe_exit(struct monitor* monitor, const siginfo_t* end, struct queue* text) {
  char time[40];
  char line[256];
  const bool by_signal = end->si_code == CLD_KILLED || end->si_code == CLD_DUMPED;
  const bool oom = count_oom_kills(monitor) > monitor->oom_kills;
  write_time(time, sizeof time);
  snprintf(line, sizeof line, "{\"code\":%d,\"signal\":%d,\"oom\":%s,\"finishedAt\":\"%s\"", by_signal ? 128 + end->si_status : end->si_status,
    by_signal ? end->si_status : 0, oom ? "true" : "false", time);
  queue_text(text, line);
  if (monitor->log.error != 0) {
    queue_text(text, ",\"logError\":\"");
    queue_text(text, errno_name(monitor->log.error));
    queue_text(text, "\"");
  }
  queue_text(text, "}\n");
}
