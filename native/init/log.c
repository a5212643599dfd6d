/** log.json: one line of JSON per line of output, as docker's json-file driver writes it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "monitor.h"

static const char* const STREAMS[] = {"stdout", "stderr"};

void write_time(char* text, size_t room) {
  struct timespec now;
  struct tm parts;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &parts);
  const size_t length = strftime(text, room, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + length, room - length, ".%09ldZ", now.tv_nsec);
}

static void add_line(struct log* log, int stream, const char* text, size_t length, const char* time) {
  char end[80];
  snprintf(end, sizeof end, "\",\"stream\":\"%s\",\"time\":\"%s\"}\n", STREAMS[stream - 1], time);
  const size_t before = log->out.length;
  int rc = queue_text(&log->out, "{\"log\":\"");
  if (rc == 0) rc = queue_json(&log->out, text, length);
  if (rc == 0) rc = queue_text(&log->out, end);
  if (rc == 0) return;
  log->out.length = before;
  if (log->error == 0) log->error = -rc;
}

/** How much of a full line is written: not half a character. */
static size_t whole_characters(const char* text, size_t length) {
  size_t back = 1;
  while (back < 4 && back < length && ((uint8_t)text[length - back] & 0xc0) == 0x80) back++;
  const uint8_t first = (uint8_t)text[length - back];
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return size > back ? length - back : length;
}

static void flush_out(struct log* log) {
  if (log->out.length == 0) return;
  const int rc = write_all(log->fd, log->out.data + log->out.start, log->out.length);
  log->out.length = log->out.start = 0;
  if (rc < 0 && log->error == 0) log->error = -rc;
}

void log_add(struct log* log, int stream, const char* data, size_t length) {
  if (log->fd < 0) return;
  char time[40];
  write_time(time, sizeof time);
  char* line = log->lines[stream - 1].bytes;
  size_t* have = &log->lines[stream - 1].length;
  const size_t room = sizeof log->lines[0].bytes;
  while (length > 0) {
    const char* newline = memchr(data, '\n', length);
    size_t part = newline == NULL ? length : (size_t)(newline - data) + 1;
    if (part > room - *have) part = room - *have;
    memcpy(line + *have, data, part);
    *have += part;
    data += part;
    length -= part;
    const bool complete = line[*have - 1] == '\n';
    if (!complete && *have < room) continue;
    const size_t written = complete ? *have : whole_characters(line, *have);
    add_line(log, stream, line, written, time);
    *have -= written;
    memmove(line, line + written, *have);
  }
  flush_out(log);
}

void log_end(struct log* log) {
  if (log->fd < 0) return;
  char time[40];
  write_time(time, sizeof time);
  for (int stream = STREAM_OUT; stream <= STREAM_ERR; stream++) {
    if (log->lines[stream - 1].length > 0) add_line(log, stream, log->lines[stream - 1].bytes, log->lines[stream - 1].length, time);
    log->lines[stream - 1].length = 0;
  }
  flush_out(log);
}
