/**
 * /dev/fuse and the turn: one call from JavaScript writes a reply and comes back with the next request.
 *
 * Waiting is most of a round trip: a processor that sleeps takes tens of microseconds to come back. So while requests
 * come in quick succession we look again for a short time before we sleep, and stop doing so when it did not help.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attr-plane.h"
#include "awake.h"
#include "blocks.h"
#include "callback.h"
#include "data-plane.h"
#include "data-table.h"
#include "families.h"
#include "fuse-abi.h"
#include "fuse-reply.h"
#include "loop.h"
#include "notify.h"
#include "result.h"

namespace {

/** How long we look again before sleeping. */
constexpr int64_t kSpinNs = 50 * 1000;
/** The same when no processor halts: longer than what a caller does between two calls, as even then a wake-up costs us. */
constexpr int64_t kSpinAwakeNs = 25 * 1000;
/** Requests that come within this of our last reply are in quick succession. */
constexpr int64_t kQuickNs = 200 * 1000;
/** This soon after our reply, and looking again would probably have met it (a wake-up takes the rest). */
constexpr int64_t kWouldHitNs = 100 * 1000;
/** Looking again in vain so often in a row ends it, until a request comes that soon. */
constexpr int kMissesMax = 4;
/** However busy the mount is, the event loop (signals, control socket, timers) gets its turn this often. */
constexpr int64_t kLoopEveryNs = 2 * 1000 * 1000;

int64_t nowNs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/** Whether looking again is worth it. */
class Pace {
 public:
  bool quick() const { return lastWaitNs_ < kQuickNs && misses_ < kMissesMax; }
  void hit() { misses_ = 0; }
  void miss() { misses_++; }
  /** A wait ended after this time, with a request or without. */
  void waited(int64_t ns) {
    lastWaitNs_ = ns;
    if (ns < kWouldHitNs) misses_ = 0;
    if (ns < kQuickNs) {
      awakeQuick();
    } else {
      awakeCalm();
    }
  }

 private:
  int64_t lastWaitNs_ = kQuickNs;
  int misses_ = 0;
};

struct Device {
  int fd = -1;
  uint8_t* block = nullptr;  // where requests are read to
  uint8_t* request = nullptr;
  size_t requestSize = 0;
  const uint8_t* reply = nullptr;
  size_t replySize = 0;
  napi_env env = nullptr;
  napi_ref buffers[2] = {nullptr, nullptr};
  int64_t loopSeenNs = 0;
  Pace pace;
};

Device device;

void detach() {
  awakeOpen(-1);
  drainData();
  clearData();
  for (napi_ref& buffer : device.buffers) {
    if (buffer != nullptr) napi_delete_reference(device.env, buffer);
  }
  giveBlock(device.block);
  device = Device();
}

/** Is it a request (true) that poll has told of, or work for the loop? */
bool isRequest(int ready, const struct pollfd (&fds)[2]) {
  if (ready < 0) return errno == EINTR;  // a signal: whoever handles it has written to the loop's fd
  return ready > 0 && fds[1].revents == 0;
}

/** Sleep until a request (true) or work for the loop (false) comes; not at all if `look`. */
bool sleepForRequest(bool look) {
  struct pollfd fds[2] = {{device.fd, POLLIN, 0}, {loopFd(), POLLIN, 0}};
  if (const int limit = awakeLimit(); !look && limit >= 0) {
    // Short, and the loop has had its turn lately: its timers need not be asked for.
    const int ready = poll(fds, 2, limit);
    if (ready != 0) return isRequest(ready, fds);
    awakeRelease();
  }
  const int timeout = loopTimeout();
  device.loopSeenNs = nowNs();
  if (timeout == 0) return false;
  const int ready = poll(fds, 2, look ? 0 : timeout);
  return isRequest(ready, fds) || (look && ready == 0);
}

int64_t readOnce() {
  int64_t rc;
  do {
    rc = result(read(device.fd, device.block, kBlockSize));
  } while (rc == -EINTR || rc == -ENOENT);  // ENOENT: the request was aborted before we had it
  return rc;
}

/** The length of the next request in `device.block`; 0 when the loop has work; -errno. */
int64_t nextRequest() {
  int64_t rc = readOnce();
  if (rc != -EAGAIN) return rc;
  const int64_t since = nowNs();
  if (device.pace.quick()) {
    const int64_t spinNs = awakeLimit() < 0 ? kSpinNs : kSpinAwakeNs;
    do {
      rc = readOnce();
    } while (rc == -EAGAIN && nowNs() - since < spinNs);
    if (rc == -EAGAIN) {
      device.pace.miss();
    } else {
      device.pace.hit();
    }
  }
  while (rc == -EAGAIN) rc = sleepForRequest(false) ? readOnce() : 0;
  device.pace.waited(nowNs() - since);
  return rc;
}

/** Whether the message is a whole request; what is not, but can be answered, is answered EIO. */
bool isWhole(int64_t length) {
  if (length < static_cast<int64_t>(sizeof(fuse_in_header))) return false;
  const fuse_in_header* header = reinterpret_cast<const fuse_in_header*>(device.block);
  if (header->len == length) return true;
  replyTo(device.fd, header->unique, -EIO);
  return false;
}

/** Requests that no reply is written to. */
bool wantsNoReply(uint32_t opcode) {
  return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

/** Give it to JavaScript if it fits. */
bool handOver(size_t length) {
  if (length <= device.requestSize) {
    memcpy(device.request, device.block, length);
    return true;
  }
  const fuse_in_header* header = reinterpret_cast<const fuse_in_header*>(device.block);
  if (!wantsNoReply(header->opcode)) replyTo(device.fd, header->unique, -EIO);
  return false;
}

/** A reply the kernel does not take leaves its request hanging: then it gets an EIO. */
void sendReply(size_t length) {
  const int64_t rc = writeMessage(device.fd, device.reply, length);
  if (rc == 0 || rc == -ENODEV) return;
  replyTo(device.fd, reinterpret_cast<const fuse_out_header*>(device.reply)->unique, -EIO);
}

int64_t fuseTurn(uint32_t replyLength) {
  if (device.fd < 0) return -ENODEV;
  if (replyLength > device.replySize) return -EINVAL;
  if (replyLength > 0) sendReply(replyLength);
  for (;;) {
    if (nowNs() - device.loopSeenNs > kLoopEveryNs && !sleepForRequest(true)) return 0;
    const int64_t length = nextRequest();
    // ECONNABORTED: the connection was aborted and FUSE_ABORT_ERROR agreed on.
    if (length == -ENODEV || length == -ECONNABORTED) detach();
    if (length <= 0) return length;
    if (!isWhole(length)) continue;
    const size_t size = static_cast<size_t>(length);
    if (serveData(device.fd, device.block, size, &device.block) == 0) continue;
    if (serveAttributes(device.fd, device.block, size) == 0) continue;
    if (handOver(size)) return length;
  }
}

napi_value fuseAttach(int fd, Raw request, Raw reply) {
  napi_env env = request.env;
  Bytes in;
  Bytes out;
  if (readArg(env, request.value, in) != nullptr || readArg(env, reply.value, out) != nullptr) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "fuseAttach: arguments 'request' and 'reply' must be Buffers");
    return nullptr;
  }
  if (device.fd >= 0) return toValue(env, -EBUSY);
  const int64_t flags = retry([&] { return fcntl(fd, F_GETFL); });
  if (flags < 0) return toValue(env, flags);
  const int64_t rc = retry([&] { return fcntl(fd, F_SETFL, flags | O_NONBLOCK); });
  if (rc < 0) return toValue(env, rc);
  device.block = takeBlock();
  if (device.block == nullptr) return toValue(env, -ENOMEM);
  openLoop(env);
  device.env = env;
  napi_create_reference(env, request.value, 1, &device.buffers[0]);
  napi_create_reference(env, reply.value, 1, &device.buffers[1]);
  device.request = in.data;
  device.requestSize = in.length;
  device.reply = out.data;
  device.replySize = out.length;
  device.loopSeenNs = nowNs();
  device.fd = fd;
  return toValue(env, int64_t{0});
}

int64_t fuseWrite(Bytes message, uint32_t length) {
  if (device.fd < 0) return -ENODEV;
  if (length > message.length) return -EINVAL;
  const int64_t rc = retry([&] { return write(device.fd, message.data, length); });
  return rc < 0 ? rc : 0;
}

napi_value fuseNotify(Bytes messages, Raw done) {
  if (device.fd < 0) return toValue(done.env, -ENODEV);
  Callback* callback = Callback::take(done, "fuseNotify");
  if (callback == nullptr) return toValue(done.env, -ENOMEM);
  sendNotifications(device.fd, messages.data, messages.length, callback);
  return toValue(done.env, int64_t{0});
}

int64_t fuseServe(Bytes message, uint32_t length) {
  if (device.fd < 0) return -ENODEV;
  if (length > message.length || length < sizeof(fuse_in_header)) return -EINVAL;
  return serveData(device.fd, message.data, length, nullptr);
}

int64_t fuseAwake(int latencyFd) {
  awakeOpen(latencyFd);
  return 0;
}

int64_t backingOpen(int fd) {
  struct fuse_backing_map map = {};
  map.fd = fd;
  return retry([&] { return ioctl(device.fd, FUSE_DEV_IOC_BACKING_OPEN, &map); });
}

int64_t backingClose(uint32_t id) {
  return retry([&] { return ioctl(device.fd, FUSE_DEV_IOC_BACKING_CLOSE, &id); });
}

const Method methods[] = {
    method<fuseAttach>("fuseAttach", "fd request reply"),
    method<fuseTurn>("fuseTurn", "replyLength"),
    method<fuseWrite>("fuseWrite", "message length"),
    method<fuseNotify>("fuseNotify", "messages done"),
    method<fuseServe>("fuseServe", "message length"),
    method<fuseAwake>("fuseAwake", "latencyFd"),
    method<backingOpen>("backingOpen", "fd"),
    method<backingClose>("backingClose", "id"),
};

}  // namespace

const Methods fuseDevMethods = {methods, lengthOf(methods)};
