/** Bytes that wait: appended at the end, taken from the front. */
#pragma once
#include "init.h"

struct queue {
  uint8_t* data;
  size_t start, length, room;
};

/** @return -ENOMEM, then nothing was appended */
int queue_add(struct queue* queue, const void* data, size_t length);
int queue_text(struct queue* queue, const char* text);
/** Text as the inside of a JSON string; what is not UTF-8 becomes U+FFFD. */
int queue_json(struct queue* queue, const char* text, size_t length);
/** One write of what is there. @return bytes written; -EAGAIN when `fd` takes nothing now */
int queue_write(struct queue* queue, int fd);
void queue_free(struct queue* queue);
