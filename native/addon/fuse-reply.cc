#include "fuse-reply.h"

#include <sys/uio.h>

#include "fuse-abi.h"
#include "result.h"

int64_t writeMessage(int fuseFd, const void* message, size_t length) {
  const int64_t rc = retry([&] { return write(fuseFd, message, length); });
  return rc >= 0 || rc == -ENOENT ? 0 : rc;
}

int64_t replyTo(int fuseFd, uint64_t unique, int64_t error, const void* payload, size_t length) {
  struct fuse_out_header header;
  header.len = static_cast<uint32_t>(sizeof header + length);
  header.error = static_cast<int32_t>(error);
  header.unique = unique;
  const struct iovec parts[2] = {{&header, sizeof header}, {const_cast<void*>(payload), length}};
  const int64_t rc = retry([&] { return writev(fuseFd, parts, length > 0 ? 2 : 1); });
  return rc >= 0 || rc == -ENOENT ? 0 : rc;
}
