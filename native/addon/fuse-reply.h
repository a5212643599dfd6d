/** Writing to /dev/fuse; any thread may. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** Write a whole message as it is. ENOENT (the request was interrupted or aborted) counts as done. */
int64_t writeMessage(int fuseFd, const void* message, size_t length);

/** Reply to `unique`: with -errno, or 0 and a payload. */
int64_t replyTo(int fuseFd, uint64_t unique, int64_t error, const void* payload = nullptr, size_t length = 0);
