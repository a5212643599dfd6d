#include "copy-range.h"

#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <memory>

#include "result.h"

namespace {

constexpr int64_t kBlock = 128 * 1024;

/** A block of a file system: up to this, nothing but reading and writing pays. */
constexpr int64_t kTiny = 4096;

/** Below this, read and write is faster than copy_file_range's pipe. */
constexpr int64_t kSmall = 64 * 1024;

/** In one system call, so that a signal or another job is not kept waiting by gigabytes. */
constexpr int64_t kStride = 64 * 1024 * 1024;

/** One buffer per thread, kept: allocating 128 KiB anew means page faults on every small file. */
uint8_t* threadBlock() {
  static thread_local std::unique_ptr<uint8_t[]> block(new uint8_t[kBlock]);
  return block.get();
}

int64_t writeAll(int fd, const uint8_t* data, int64_t length, int64_t at) {
  for (int64_t done = 0; done < length;) {
    const int64_t n = retry([&] { return pwrite(fd, data + done, length - done, at + done); });
    if (n < 0) return n;
    done += n;
  }
  return length;
}

int64_t copyByHand(int src, int64_t from, int dst, int64_t to, int64_t length) {
  uint8_t* block = threadBlock();
  int64_t done = 0;
  while (done < length) {
    const int64_t want = std::min(kBlock, length - done);
    int64_t n = retry([&] { return pread(src, block, want, from + done); });
    if (n > 0) n = writeAll(dst, block, n, to + done);
    if (n < 0) return done > 0 ? done : n;
    if (n == 0) break;
    done += n;
  }
  return done;
}

bool cannot(int64_t rc) {
  return rc == -EXDEV || rc == -EINVAL || rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -ETXTBSY || rc == -EPERM;
}

/** Copy all of [from, to) of src to the same place in dst; the bytes copied may be fewer only at src's end. */
int64_t copyExtent(int src, int dst, int64_t from, int64_t to) {
  while (from < to) {
    const int64_t left = std::min(kStride, to - from);
    const int64_t n = left <= kSmall ? copyByHand(src, from, dst, from, left) : copyRange(src, from, dst, from, left);
    if (n < 0) return n;
    if (n == 0) break;
    from += n;
  }
  return 0;
}

/** A file of one block: reading and writing it costs less than asking for a clone, or where its holes are. */
int64_t copyTiny(int src, int dst, int64_t size) {
  uint8_t* block = threadBlock();
  int64_t length = retry([&] { return pread(src, block, size, 0); });
  if (length < 0) return length;
  const bool hole = std::all_of(block, block + length, [](uint8_t byte) { return byte == 0; });
  if (!hole) {
    const int64_t rc = writeAll(dst, block, length, 0);
    if (rc < 0) return rc;
    if (length == size) return 0;
  }
  return retry([&] { return ftruncate(dst, size); });
}

}  // namespace

int64_t copyRange(int src, int64_t from, int dst, int64_t to, int64_t length) {
  int64_t done = 0;
  while (done < length) {
    off64_t in = from + done;
    off64_t out = to + done;
    const int64_t n = retry([&] { return copy_file_range(src, &in, dst, &out, length - done, 0); });
    // 0 is the end of the file, or a file that does not tell its size (procfs): reading will tell.
    if (n > 0) {
      done += n;
      continue;
    }
    if (n < 0 && !cannot(n)) return done > 0 ? done : n;
    const int64_t rest = copyByHand(src, from + done, dst, to + done, length - done);
    return rest < 0 ? (done > 0 ? done : rest) : done + rest;
  }
  return done;
}

int64_t copyData(int src, int dst, int64_t size) {
  if (size <= kTiny) return copyTiny(src, dst, size);
  if (size > 0 && ioctl(dst, FICLONE, src) != 0) {
    for (int64_t at = 0; at < size;) {
      int64_t data = retry([&] { return lseek(src, at, SEEK_DATA); });
      if (data == -ENXIO || data >= size) break;  // a hole to the end
      int64_t hole = data < 0 ? size : retry([&] { return lseek(src, data, SEEK_HOLE); });
      if (data < 0) data = at;  // no SEEK_DATA here: everything is data
      if (hole <= data || hole > size) hole = size;
      const int64_t rc = copyExtent(src, dst, data, hole);
      if (rc < 0) return rc;
      at = hole;
    }
  }
  return retry([&] { return ftruncate(dst, size); });
}
