/** Notifications: messages to the kernel that may make the writer wait. */
#pragma once

#include <stddef.h>
#include <stdint.h>

class Callback;

/**
 * Write whole messages, one behind the other in `messages`, by a thread that does nothing else: the kernel may make it
 * wait until somebody else's request is answered. `done` is called with 0, or the first error but ENOENT, which says that
 * the kernel has no such thing. Without a thread it is called with -EAGAIN, and nothing is written.
 */
void sendNotifications(int fuseFd, const uint8_t* messages, size_t length, Callback* done);
