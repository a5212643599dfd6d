/** Bytes that wait, and text as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue.h"

int queue_add(struct queue* queue, const void* data, size_t length) {
  if (queue->start + queue->length + length > queue->room) {
    if (queue->start > 0) memmove(queue->data, queue->data + queue->start, queue->length);
    queue->start = 0;
    if (queue->length + length > queue->room) {
      const size_t room = (queue->length + length) * 2;
      uint8_t* bigger = realloc(queue->data, room);
      if (bigger == NULL) return -ENOMEM;
      queue->data = bigger;
      queue->room = room;
    }
  }
  memcpy(queue->data + queue->start + queue->length, data, length);
  queue->length += length;
  return 0;
}

int queue_text(struct queue* queue, const char* text) { return queue_add(queue, text, strlen(text)); }

/** Length of the UTF-8 sequence at `text`, or 0 if it is none (overlong, a surrogate, cut). */
static size_t sequence(const uint8_t* text, size_t length) {
  const uint8_t first = text[0];
  const size_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (size == 0 || size > length) return 0;
  for (size_t i = 1; i < size; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && text[1] < 0xa0) return 0;
  if (first == 0xed && text[1] > 0x9f) return 0;
  if (first == 0xf0 && text[1] < 0x90) return 0;
  if (first == 0xf4 && text[1] > 0x8f) return 0;
  return size;
}

static int add_escape(struct queue* queue, uint8_t byte) {
  char text[8];
  const char* named = byte == '"' ? "\\\"" : byte == '\\' ? "\\\\" : byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : NULL;
  if (named != NULL) return queue_text(queue, named);
  snprintf(text, sizeof text, "\\u%04x", byte);
  return queue_text(queue, text);
}

int queue_json(struct queue* queue, const char* text, size_t length) {
  const uint8_t* at = (const uint8_t*)text;
  const uint8_t* end = at + length;
  int rc = 0;
  while (at < end && rc == 0) {
    const uint8_t* run = at;
    size_t size = 0;
    // Plain bytes in one piece.
    while (at < end && *at >= 0x20 && *at != '"' && *at != '\\' && (size = sequence(at, (size_t)(end - at))) > 0) at += size;
    if (at > run) rc = queue_add(queue, run, (size_t)(at - run));
    if (at == end || rc != 0) break;
    rc = *at < 0x20 || *at == '"' || *at == '\\' ? add_escape(queue, *at) : queue_text(queue, "\\ufffd");
    at++;
  }
  return rc;
}

int queue_write(struct queue* queue, int fd) {
  ssize_t rc;
  do {
    rc = write(fd, queue->data + queue->start, queue->length);
  } while (rc < 0 && errno == EINTR);
  if (rc < 0) return -errno;
  queue->start += (size_t)rc;
  queue->length -= (size_t)rc;
  if (queue->length == 0) queue->start = 0;
  return (int)rc;
}

void queue_free(struct queue* queue) {
  free(queue->data);
  *queue = (struct queue){0};
}
