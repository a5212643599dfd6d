#include "blocks.h"

#include <sys/mman.h>

#include <mutex>
#include <vector>

namespace {

/** More than the worker threads, the reader and a few jobs in the queue use; what comes beyond is unmapped. */
constexpr size_t kKept = 8;

struct Free {
  std::mutex mutex;
  std::vector<uint8_t*> blocks;
};

/** Never destroyed: workers may give a block back while the process ends. */
Free& unused() {
  static Free* const instance = new Free;
  return *instance;
}

}  // namespace

uint8_t* takeBlock() {
  Free& f = unused();
  {
    std::lock_guard<std::mutex> lock(f.mutex);
    if (!f.blocks.empty()) {
      uint8_t* block = f.blocks.back();
      f.blocks.pop_back();
      return block;
    }
  }
  void* memory = mmap(nullptr, kBlockSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t*>(memory);
}

void giveBlock(uint8_t* block) {
  if (block == nullptr) return;
  Free& f = unused();
  {
    std::lock_guard<std::mutex> lock(f.mutex);
    if (f.blocks.size() < kKept) {
      f.blocks.push_back(block);
      return;
    }
  }
  munmap(block, kBlockSize);
}
