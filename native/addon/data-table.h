/**
 * Node id -> open file. The table itself belongs to the JavaScript thread; jobs hold references to its files, and a file
 * is closed when the table and the last job have let go of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "file-system.h"

/** An open file of the data plane. */
class DataFile {
 public:
  DataFile(uint64_t node, int fileFd) : nodeid(node), fd(fileFd), on(kindOf(fileFd)) {}
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;

  const uint64_t nodeid;
  const int fd;
  const FileSystem on;
  bool writable = false;
  /** Not to be evicted. */
  bool pinned = false;
  /** Used since the clock's hand or a sweep came by. */
  bool referenced = true;
  /** How a READ is tried first: without sleeping, where the file system can say so. */
  enum class Read : uint8_t { nowait, inlined, worker } read = Read::nowait;
  /** Where the table keeps it for the clock. */
  size_t slot = 0;

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  /** Closes the fd with the last reference. */
  void release();

 private:
  ~DataFile() = default;
  std::atomic<int> references_{1};
};

/** The file of a node, marked as used, or nullptr; still the table's. */
DataFile* findData(uint64_t nodeid);
void setData(uint64_t nodeid, int fd, bool writable, bool pinned);
/** Whether there was one. */
bool dropData(uint64_t nodeid);
void clearData();
/** Close what is neither pinned nor used since the last sweep; how many are left. */
size_t sweepData();
/** A soft limit: pinned files alone may exceed it. */
void limitData(size_t max);
