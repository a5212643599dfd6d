/** Copying between open files; usable on any thread. */
#pragma once

#include <stdint.h>

/**
 * Copy `length` bytes at `from` of `src` to `to` of `dst`: copy_file_range(2), where that cannot (other file systems,
 * strange files) read and write. Never answers EXDEV.
 * Answers the bytes copied, fewer at the end of src, or -errno when nothing was copied.
 */
int64_t copyRange(int src, int64_t from, int dst, int64_t to, int64_t length);

/** copyData of lib/os/native.ts. */
int64_t copyData(int src, int dst, int64_t size);
