/**
 * Serving without JavaScript what the kernel asks again and again beside the work itself: attributes of a directory after
 * each change in it (fs/fuse/dir.c, fuse_dir_changed), and file capabilities before the first write to a file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Serve the request if it is one of these and its node is known here.
 * @param message  a whole request of `length` bytes
 * @returns 0: replied; -ENOENT: not ours
 */
int64_t serveAttributes(int fuseFd, const uint8_t* message, size_t length);
