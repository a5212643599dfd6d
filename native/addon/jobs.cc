#include "jobs.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

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

/** Signals are for the main thread. */
bool startThread() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, work, nullptr) == 0;
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace

void submitJob(Job* job) {
  Pool& p = pool();
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    const bool wanted = p.threads < kThreads && static_cast<size_t>(p.idle) <= p.queue.size();
    if (wanted && startThread()) p.threads++;
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
