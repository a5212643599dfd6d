#include "jobs.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "thread.h"

namespace {

constexpr int kThreads = 4;

struct Pool {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job*> queue;
  std::atomic<size_t> queued{0};
  int threads = 0;
  int idle = 0;
};

/** Never destroyed: workers may still wait in it when the process ends. */
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

void* work(void*) {
  Pool& p = pool();
  std::unique_lock<std::mutex> lock(p.mutex);
  for (;;) {
    while (p.queue.empty()) {
      p.idle++;
      p.wake.wait(lock);
      p.idle--;
    }
    Job* job = p.queue.front();
    p.queue.pop_front();
    p.queued.store(p.queue.size(), std::memory_order_relaxed);
    lock.unlock();
    job->run();
    lock.lock();
  }
  return nullptr;
}

}  // namespace

void submitJob(Job* job) {
  Pool& p = pool();
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    const bool wanted = p.threads < kThreads && static_cast<size_t>(p.idle) <= p.queue.size();
    if (wanted && startThread(work)) p.threads++;
    if (p.threads > 0) {
      p.queue.push_back(job);
      p.queued.store(p.queue.size(), std::memory_order_relaxed);
      job = nullptr;
    }
  }
  if (job == nullptr) {
    p.wake.notify_one();
  } else {
    job->run();
  }
}

size_t jobsQueued() { return pool().queued.load(std::memory_order_relaxed); }
