#include "notify.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "callback.h"
#include "fuse-abi.h"
#include "result.h"
#include "thread.h"

namespace {

struct Batch {
  int fuseFd;
  std::vector<uint8_t> messages;
  Callback* done;
};

struct Sender {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Batch> queue;
  bool started = false;
};

/** Never destroyed: its thread may still wait in it when the process ends. */
Sender& sender() {
  static Sender* const instance = new Sender;
  return *instance;
}

int64_t send(const Batch& batch) {
  int64_t first = 0;
  const size_t length = batch.messages.size();
  for (size_t at = 0; length - at >= sizeof(fuse_out_header);) {
    const uint8_t* message = batch.messages.data() + at;
    const size_t size = reinterpret_cast<const fuse_out_header*>(message)->len;
    if (size < sizeof(fuse_out_header) || size > length - at) return -EINVAL;
    const int64_t rc = retry([&] { return write(batch.fuseFd, message, size); });
    if (rc < 0 && rc != -ENOENT && first == 0) first = rc;
    at += size;
  }
  return first;
}

void* work(void*) {
  Sender& s = sender();
  std::unique_lock<std::mutex> lock(s.mutex);
  for (;;) {
    while (s.queue.empty()) s.wake.wait(lock);
    const Batch batch = std::move(s.queue.front());
    s.queue.pop_front();
    lock.unlock();
    batch.done->call(send(batch));
    lock.lock();
  }
  return nullptr;
}

}  // namespace

void sendNotifications(int fuseFd, const uint8_t* messages, size_t length, Callback* done) {
  Sender& s = sender();
  {
    std::lock_guard<std::mutex> lock(s.mutex);
    if (!s.started) s.started = startThread(work);
    if (s.started) {
      s.queue.push_back({fuseFd, std::vector<uint8_t>(messages, messages + length), done});
      done = nullptr;
    }
  }
  if (done == nullptr) {
    s.wake.notify_one();
  } else {
    done->call(-EAGAIN);
  }
}
