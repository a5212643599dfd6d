/** Strings that grow, and lines for people. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "start.h"

void append(struct bytes* to, const void* data, size_t length) {
  if (to->length + length > to->room) {
    to->room = (to->length + length) * 2;
    to->data = realloc(to->data, to->room);
    if (to->data == NULL) _exit(EXIT_MOUNT);
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

void append_text(struct bytes* to, const char* text) { append(to, text, strlen(text)); }

void append_field(struct bytes* to, const char* key, const char* value) {
  append_text(to, key);
  append(to, "=", 1);
  append(to, value, strlen(value) + 1);
}

void take_records(struct bytes* unread, void (*take)(void* about, const char* record), void* about) {
  size_t start = 0;
  // Nothing was ever read: memchr(3) may not be given NULL.
  if (unread->length == 0) return;
  for (char* end; (end = memchr(unread->data + start, '\0', unread->length - start)) != NULL;) {
    take(about, unread->data + start);
    start = (size_t)(end - unread->data) + 1;
  }
  memmove(unread->data, unread->data + start, unread->length - start);
  unread->length -= start;
}

void complain(const char* text, size_t length) {
  struct bytes line = {0};
  append_text(&line, "tsaufs: ");
  for (size_t i = 0; i < length; i++) {
    const unsigned char c = (unsigned char)text[i];
    if (c >= 0x20 && c != 0x7f) {
      append(&line, text + i, 1);
      continue;
    }
    char escape[5];
    snprintf(escape, sizeof escape, "\\x%02x", c);
    append_text(&line, escape);
  }
  append(&line, "\n", 1);
  // A reader that went away is not our failure.
  for (size_t done = 0; done < line.length;) {
    const ssize_t rc = write(STDERR_FILENO, line.data + done, line.length - done);
    if (rc <= 0) break;
    done += (size_t)rc;
  }
  free(line.data);
}

void complain_of(const char* format, ...) {
  char* text = NULL;
  va_list arguments;
  va_start(arguments, format);
  const int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length >= 0) complain(text, (size_t)length);
  free(text);
}

const char* errno_name(int error) {
  static const struct {
    int error;
    const char* name;
  } names[] = {
      {EPERM, "EPERM"},   {ENOENT, "ENOENT"},     {EIO, "EIO"},         {ENOEXEC, "ENOEXEC"},
      {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"},     {EACCES, "EACCES"},   {ENOTDIR, "ENOTDIR"},
      {EMFILE, "EMFILE"}, {ENFILE, "ENFILE"},     {ELOOP, "ELOOP"},     {ENAMETOOLONG, "ENAMETOOLONG"},
      {E2BIG, "E2BIG"},   {ENOTCONN, "ENOTCONN"}, {ESTALE, "ESTALE"},   {ECONNABORTED, "ECONNABORTED"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].error == error) return names[i].name;
  }
  static char number[16];
  snprintf(number, sizeof number, "errno %d", error);
  return number;
}
