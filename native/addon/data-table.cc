#include "data-table.h"

#include <unistd.h>

#include <unordered_map>
#include <vector>

namespace {

struct Table {
  std::unordered_map<uint64_t, DataFile*> byNode;
  /** The clock's face: every file once, in no order. */
  std::vector<DataFile*> ring;
  size_t hand = 0;
  size_t limit = 4096;
};

Table table;

void unlinkFromRing(DataFile* file) {
  DataFile* last = table.ring.back();
  table.ring[file->slot] = last;
  last->slot = file->slot;
  table.ring.pop_back();
}

void forget(DataFile* file) {
  table.byNode.erase(file->nodeid);
  unlinkFromRing(file);
  file->release();
}

/** Second chance: the first unpinned file that was not used since the hand last passed. */
bool evictOne() {
  for (size_t steps = 2 * table.ring.size(); steps > 0; steps--) {
    if (table.hand >= table.ring.size()) table.hand = 0;
    DataFile* file = table.ring[table.hand];
    if (!file->pinned && !file->referenced) {
      forget(file);
      return true;
    }
    if (!file->pinned) file->referenced = false;
    table.hand++;
  }
  return false;
}

void makeRoom(size_t limit) {
  while (table.ring.size() > limit && evictOne()) continue;
}

}  // namespace

void DataFile::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  close(fd);
  delete this;
}

DataFile* findData(uint64_t nodeid) {
  const auto found = table.byNode.find(nodeid);
  if (found == table.byNode.end()) return nullptr;
  found->second->referenced = true;
  return found->second;
}

void setData(uint64_t nodeid, int fd, bool writable, bool pinned) {
  DataFile* file = findData(nodeid);
  // The same fd again changes what may be done with it; closing it as "replaced" would close the new one.
  if (file == nullptr || file->fd != fd) {
    if (file != nullptr) forget(file);
    makeRoom(table.limit > 0 ? table.limit - 1 : 0);
    file = new DataFile(nodeid, fd);
    file->slot = table.ring.size();
    table.ring.push_back(file);
    table.byNode.emplace(nodeid, file);
  }
  file->writable = writable;
  file->pinned = pinned;
}

bool dropData(uint64_t nodeid) {
  DataFile* file = findData(nodeid);
  if (file == nullptr) return false;
  forget(file);
  return true;
}

void clearData() {
  for (DataFile* file : table.ring) file->release();
  table.ring.clear();
  table.byNode.clear();
  table.hand = 0;
}

size_t sweepData() {
  for (size_t i = 0; i < table.ring.size();) {
    DataFile* file = table.ring[i];
    if (file->pinned || file->referenced) {
      file->referenced = false;
      i++;
    } else {
      forget(file);
    }
  }
  return table.ring.size();
}

void limitData(size_t max) {
  table.limit = max;
  makeRoom(max);
}
