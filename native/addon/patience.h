/** Deciding where a call that may sleep is made. */
#pragma once

#include <stdint.h>
#include <time.h>

#include <atomic>

inline int64_t monotonicNs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/**
 * Whether to look again for what a disk is fetching instead of having a worker wait for it: a fast disk answers in less
 * than it takes to wake a worker. Looking in vain so often in a row ends it, but for a try now and then.
 */
class Hope {
 public:
  /** How long to look. */
  static constexpr int64_t kLookNs = 100 * 1000;

  bool worthIt() { return misses_ < kMissesMax || ++passed_ % kTryEvery == 0; }
  void hit() { misses_ = 0; }
  void miss() { misses_++; }

 private:
  static constexpr int kMissesMax = 4;
  static constexpr unsigned kTryEvery = 64;
  int misses_ = 0;
  unsigned passed_ = 0;
};

/**
 * Whether calls that may sleep are made on the spot or by a worker. Handing one over costs a wake-up, more than a copy of
 * a megabyte; but a disk that cannot keep up makes writers sleep for up to 200 ms (balance_dirty_pages), and the thread
 * that takes requests must not. So calls are timed, wherever they run: one slow call, and workers get them, until enough
 * in a row were fast again.
 */
class Patience {
 public:
  bool quick() const { return wary_.load(std::memory_order_relaxed) == 0; }

  /** A call took this long; from any thread. */
  void took(int64_t ns) {
    if (ns > kSlowNs) {
      wary_.store(kFastInARow, std::memory_order_relaxed);
      return;
    }
    int left = wary_.load(std::memory_order_relaxed);
    while (left > 0 && !wary_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) continue;
  }

 private:
  /** Ten times what writing a megabyte to memory takes. */
  static constexpr int64_t kSlowNs = 4 * 1000 * 1000;
  static constexpr int kFastInARow = 16;
  std::atomic<int> wary_{0};
};
