#include "data-plane.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "blocks.h"
#include "copy-range.h"
#include "data-table.h"
#include "fuse-abi.h"
#include "fuse-reply.h"
#include "hand-back.h"
#include "jobs.h"
#include "patience.h"
#include "result.h"
#include "stored-stat.h"

namespace {

/** Of one COPY_FILE_RANGE request; the caller comes again with the rest. */
constexpr uint64_t kCopyMax = 64 * 1024 * 1024;

/** One request being served. */
struct Data {
  int fuseFd;
  const uint8_t* message;
  size_t length;
  uint8_t** block;

  const fuse_in_header& header() const { return *reinterpret_cast<const fuse_in_header*>(message); }
  /** The fixed part after the header; nullptr if the message is too short for it. */
  template <typename T>
  const T* in() const {
    return length < sizeof(fuse_in_header) + sizeof(T) ? nullptr
                                                       : reinterpret_cast<const T*>(message + sizeof(fuse_in_header));
  }
  int64_t reply(int64_t error, const void* payload = nullptr, size_t size = 0) const {
    replyTo(fuseFd, header().unique, error, payload, size);
    return 0;
  }
};

// ---- jobs

struct InFlight {
  std::mutex mutex;
  std::condition_variable none;
  int count = 0;
  /** How many of them write to a node's file. */
  std::unordered_map<uint64_t, int> writing;
};

InFlight& inFlight() {
  static InFlight* const instance = new InFlight;
  return *instance;
}

/** The node id of no node. */
constexpr uint64_t kNone = 0;

/** Work on one file (or two) that ends in a reply. */
class DataJob : public Job {
 public:
  /** @param writesTo  node of the file that is written, kNone if it only reads */
  DataJob(const Data& data, DataFile* file, uint64_t writesTo = kNone)
      : fuseFd_(data.fuseFd), unique_(data.header().unique), file_(file), writesTo_(writesTo) {
    file_->retain();
    InFlight& jobs = inFlight();
    std::lock_guard<std::mutex> lock(jobs.mutex);
    jobs.count++;
    if (writesTo_ != kNone) jobs.writing[writesTo_]++;
  }

  ~DataJob() override {
    file_->release();
    InFlight& jobs = inFlight();
    std::lock_guard<std::mutex> lock(jobs.mutex);
    if (writesTo_ != kNone && --jobs.writing[writesTo_] == 0) jobs.writing.erase(writesTo_);
    if (--jobs.count == 0) jobs.none.notify_all();
  }

  void run() final {
    serve();
    delete this;
  }

 protected:
  virtual void serve() = 0;
  int fd() const { return file_->fd; }
  void reply(int64_t error, const void* payload = nullptr, size_t length = 0) const {
    replyTo(fuseFd_, unique_, error, payload, length);
  }

 private:
  const int fuseFd_;
  const uint64_t unique_;
  DataFile* const file_;
  const uint64_t writesTo_;
};

/** Start it; when too much is waiting already, do it here: that slows those down who send it. */
int64_t start(Job* job) {
  if (jobsQueued() < kJobsQueued) {
    submitJob(job);
  } else {
    job->run();
  }
  return 0;
}

// ---- READ

/** Fill the buffer as far as the file goes. */
int64_t readFull(int fd, uint8_t* out, size_t size, int64_t offset) {
  size_t done = 0;
  while (done < size) {
    const int64_t n = retry([&] { return pread(fd, out + done, size - done, offset + static_cast<int64_t>(done)); });
    if (n < 0) return done > 0 ? static_cast<int64_t>(done) : n;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<int64_t>(done);
}

class ReadJob : public DataJob {
 public:
  ReadJob(const Data& data, DataFile* file, int64_t offset, size_t size)
      : DataJob(data, file), offset_(offset), size_(size) {}

 protected:
  void serve() override {
    uint8_t* block = takeBlock();
    const int64_t n = block == nullptr ? -ENOMEM : readFull(fd(), block, size_, offset_);
    reply(std::min<int64_t>(n, 0), block, static_cast<size_t>(std::max<int64_t>(n, 0)));
    giveBlock(block);
  }

 private:
  const int64_t offset_;
  const size_t size_;
};

/** Bytes that can be had without sleeping, all there are; -EAGAIN if a worker must go for them. */
int64_t readNow(DataFile* file, uint8_t* out, size_t size, int64_t offset) {
  if (file->read == DataFile::Read::nowait) {
    const struct iovec part = {out, size};
    const int64_t n = retry([&] { return preadv2(file->fd, &part, 1, offset, RWF_NOWAIT); });
    if (n == static_cast<int64_t>(size)) return n;
    if (n >= 0) {
      // The end of the file, or of what is in memory.
      struct stat st;
      return fstat(file->fd, &st) == 0 && offset + n >= st.st_size ? n : -EAGAIN;
    }
    if (n != -EOPNOTSUPP) return n;
    // Who cannot say whether it would sleep is asked by a worker if it may wait for a network or a process.
    file->read = file->on == FileSystem::remote ? DataFile::Read::worker : DataFile::Read::inlined;
  }
  return file->read == DataFile::Read::inlined ? readFull(file->fd, out, size, offset) : -EAGAIN;
}

bool anotherWaits(int fuseFd) {
  struct pollfd fuse = {fuseFd, POLLIN, 0};
  return poll(&fuse, 1, 0) != 0;
}

/** The try without sleeping has set the disk to work: look again for a moment, unless somebody waits for us. */
int64_t readSoon(int fuseFd, DataFile* file, uint8_t* out, size_t size, int64_t offset) {
  static Hope hope;
  if (file->read != DataFile::Read::nowait || !hope.worthIt()) return -EAGAIN;
  const int64_t sinceNs = monotonicNs();
  do {
    if (anotherWaits(fuseFd)) return -EAGAIN;
    const int64_t n = readNow(file, out, size, offset);
    if (n == -EAGAIN) continue;
    hope.hit();
    return n;
  } while (monotonicNs() - sinceNs < Hope::kLookNs);
  hope.miss();
  return -EAGAIN;
}

int64_t serveRead(const Data& data, DataFile* file) {
  const fuse_read_in* in = data.in<fuse_read_in>();
  if (in == nullptr || in->size > kPayloadMax) return data.reply(-EIO);
  static uint8_t* const out = takeBlock();
  if (out == nullptr) return data.reply(-ENOMEM);
  const int64_t offset = static_cast<int64_t>(in->offset);
  int64_t n = readNow(file, out, in->size, offset);
  if (n == -EAGAIN) n = readSoon(data.fuseFd, file, out, in->size, offset);
  if (n == -EAGAIN) return start(new ReadJob(data, file, offset, in->size));
  return n < 0 ? data.reply(n) : data.reply(0, out, static_cast<size_t>(n));
}

// ---- WRITE

/** Is a thread in a group, with its own or another of its groups? Of one that is not known nothing is held against it. */
bool isInGroup(uint32_t tid, gid_t gid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%u/status", tid);
  FILE* status = tid == 0 ? nullptr : fopen(path, "re");
  if (status == nullptr) return true;
  char* line = nullptr;
  size_t room = 0;
  bool found = false;
  while (!found && getline(&line, &room, status) > 0) {
    const bool own = strncmp(line, "Gid:", 4) == 0;
    if (!own && strncmp(line, "Groups:", 7) != 0) continue;
    char* rest = strchr(line, ':') + 1;
    // Of the four of a thread the one for files is the last.
    for (int i = 0;; i++) {
      char* end;
      const unsigned long group = strtoul(rest, &end, 10);
      if (end == rest) break;
      found = found || (group == gid && (!own || i == 3));
      rest = end;
    }
  }
  free(line);
  fclose(status);
  return found;
}

/** What writing by somebody without CAP_FSETID takes away; the kernel does it for the writer, and that is us. */
int64_t killSuidgid(int fd, uint32_t tid) {
  if (statsAreStored) {
    const Stored stored = killStored(fd);
    if (stored.mine) return stored.result;
  }
  struct stat st;
  int64_t rc = retry([&] { return fstat(fd, &st); });
  if (rc < 0) return rc;
  mode_t kill = st.st_mode & S_ISUID;
  if ((st.st_mode & S_ISGID) != 0 && ((st.st_mode & S_IXGRP) != 0 || !isInGroup(tid, st.st_gid))) kill |= S_ISGID;
  if (kill != 0) rc = retry([&] { return fchmod(fd, st.st_mode & 07777 & ~kill); });
  return rc;
}

int64_t writeFull(int fd, const uint8_t* from, size_t size, int64_t offset) {
  size_t done = 0;
  while (done < size) {
    const int64_t n = retry([&] { return pwrite(fd, from + done, size - done, offset + static_cast<int64_t>(done)); });
    if (n < 0) return done > 0 ? static_cast<int64_t>(done) : n;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<int64_t>(done);
}

struct WriteResult {
  int64_t error;
  fuse_write_out out;
};

/** Whether writes end at once. Not per file: what is throttled is a disk, or the whole process. */
Patience writing;

/** `message` is a whole WRITE request. */
WriteResult performWrite(int fd, const uint8_t* message) {
  const fuse_write_in* in = reinterpret_cast<const fuse_write_in*>(message + sizeof(fuse_in_header));
  const uint32_t tid = reinterpret_cast<const fuse_in_header*>(message)->pid;
  int64_t n = (in->write_flags & FUSE_WRITE_KILL_SUIDGID) != 0 ? killSuidgid(fd, tid) : 0;
  const uint8_t* from = message + sizeof(fuse_in_header) + sizeof *in;
  const int64_t sinceNs = monotonicNs();
  if (n >= 0) n = writeFull(fd, from, in->size, static_cast<int64_t>(in->offset));
  writing.took(monotonicNs() - sinceNs);
  return {std::min<int64_t>(n, 0), {static_cast<uint32_t>(std::max<int64_t>(n, 0)), 0}};
}

/**
 * A file system that is full may not be so any more: the kernel sends the FORGET that closes a deleted file behind
 * requests of later calls. So a write without space is tried again once, when those had their time.
 */
constexpr useconds_t kForgetDelayUs = 2000;

bool isFull(int64_t error) { return error == -ENOSPC || error == -EDQUOT; }

class WriteJob : public DataJob {
 public:
  WriteJob(const Data& data, DataFile* file, uint8_t* block) : DataJob(data, file, file->nodeid), block_(block) {}
  ~WriteJob() override { giveBlock(block_); }

 protected:
  void serve() override {
    WriteResult result = performWrite(fd(), block_);
    if (isFull(result.error)) {
      usleep(kForgetDelayUs);
      result = performWrite(fd(), block_);
    }
    const size_t length = reinterpret_cast<const fuse_in_header*>(block_)->len;
    if (isFull(result.error) && handBack(block_, length, result.error)) return;
    reply(result.error, &result.out, result.error == 0 ? sizeof result.out : 0);
  }

 private:
  uint8_t* const block_;
};

/** The message in a block of its own: the reader's, for which it gets another, or a copy. nullptr without memory. */
uint8_t* detachMessage(const Data& data) {
  uint8_t* fresh = data.length <= kBlockSize ? takeBlock() : nullptr;
  if (fresh == nullptr) return nullptr;
  if (data.block == nullptr) return static_cast<uint8_t*>(memcpy(fresh, data.message, data.length));
  std::swap(fresh, *data.block);
  return fresh;
}

int64_t serveWrite(const Data& data, DataFile* file) {
  const fuse_write_in* in = data.in<fuse_write_in>();
  if (in == nullptr || data.length - sizeof(fuse_in_header) - sizeof *in < in->size) return data.reply(-EIO);
  if (!writing.quick() || file->on == FileSystem::remote) {
    uint8_t* block = detachMessage(data);
    if (block != nullptr) return start(new WriteJob(data, file, block));
  }
  const WriteResult result = performWrite(file->fd, data.message);
  if (isFull(result.error)) {
    uint8_t* block = detachMessage(data);
    if (block != nullptr) return start(new WriteJob(data, file, block));
  }
  return data.reply(result.error, &result.out, result.error == 0 ? sizeof result.out : 0);
}

// ---- FSYNC, LSEEK, FALLOCATE

class FsyncJob : public DataJob {
 public:
  FsyncJob(const Data& data, DataFile* file, bool dataOnly) : DataJob(data, file), dataOnly_(dataOnly) {}

 protected:
  void serve() override {
    reply(retry([&] { return dataOnly_ ? fdatasync(fd()) : fsync(fd()); }));
  }

 private:
  const bool dataOnly_;
};

int64_t serveFsync(const Data& data, DataFile* file) {
  const fuse_fsync_in* in = data.in<fuse_fsync_in>();
  if (in == nullptr) return data.reply(-EIO);
  // In memory there is nothing to wait for: waking a worker would cost more than the call.
  if (file->on == FileSystem::memory) return data.reply(retry([&] { return fsync(file->fd); }));
  return start(new FsyncJob(data, file, (in->fsync_flags & FUSE_FSYNC_FDATASYNC) != 0));
}

int64_t serveLseek(const Data& data, DataFile* file) {
  const fuse_lseek_in* in = data.in<fuse_lseek_in>();
  if (in == nullptr) return data.reply(-EIO);
  // The fd has no position of its own: SEEK_CUR would ask for somebody else's.
  if (in->whence == SEEK_CUR) return data.reply(-EINVAL);
  const int64_t at = retry([&] { return lseek(file->fd, static_cast<int64_t>(in->offset), static_cast<int>(in->whence)); });
  if (at < 0) return data.reply(at);
  const fuse_lseek_out out = {static_cast<uint64_t>(at)};
  return data.reply(0, &out, sizeof out);
}

/** The message, for a request that may be handed back; nothing if nobody wants it. */
std::vector<uint8_t> keepMessage(const Data& data) {
  return handsBack() ? std::vector<uint8_t>(data.message, data.message + data.length) : std::vector<uint8_t>();
}

bool giveBack(const std::vector<uint8_t>& message, int64_t error) {
  return isFull(error) && !message.empty() && handBack(message.data(), message.size(), error);
}

class FallocateJob : public DataJob {
 public:
  FallocateJob(const Data& data, DataFile* file, const fuse_fallocate_in& in)
      : DataJob(data, file, file->nodeid), message_(keepMessage(data)), in_(in) {}

 protected:
  void serve() override {
    int64_t rc = allocate();
    if (isFull(rc)) {
      usleep(kForgetDelayUs);
      rc = allocate();
    }
    if (!giveBack(message_, rc)) reply(rc);
  }

 private:
  int64_t allocate() const {
    return retry([&] {
      return fallocate(fd(), static_cast<int>(in_.mode), static_cast<int64_t>(in_.offset), static_cast<int64_t>(in_.length));
    });
  }

  const std::vector<uint8_t> message_;
  const fuse_fallocate_in in_;
};

int64_t serveFallocate(const Data& data, DataFile* file) {
  const fuse_fallocate_in* in = data.in<fuse_fallocate_in>();
  if (in == nullptr) return data.reply(-EIO);
  return start(new FallocateJob(data, file, *in));
}

// ---- COPY_FILE_RANGE

class CopyRangeJob : public DataJob {
 public:
  CopyRangeJob(const Data& data, DataFile* from, DataFile* to, const fuse_copy_file_range_in& in)
      : DataJob(data, from, to->nodeid), to_(to), message_(keepMessage(data)), in_(in), wide_(data.header().opcode == FUSE_COPY_FILE_RANGE_64) {
    to_->retain();
  }
  ~CopyRangeJob() override { to_->release(); }

 protected:
  void serve() override {
    const int64_t length = static_cast<int64_t>(std::min<uint64_t>(in_.len, kCopyMax));
    const int64_t offIn = static_cast<int64_t>(in_.off_in);
    const int64_t offOut = static_cast<int64_t>(in_.off_out);
    const int64_t n = copyRange(fd(), offIn, to_->fd, offOut, length);
    const fuse_copy_file_range_out wide = {static_cast<uint64_t>(n)};
    const fuse_write_out narrow = {static_cast<uint32_t>(n), 0};
    if (n < 0) {
      if (!giveBack(message_, n)) reply(n);
    } else if (wide_) {
      reply(0, &wide, sizeof wide);
    } else {
      reply(0, &narrow, sizeof narrow);
    }
  }

 private:
  DataFile* const to_;
  const std::vector<uint8_t> message_;
  const fuse_copy_file_range_in in_;
  const bool wide_;
};

int64_t serveCopyRange(const Data& data, DataFile* file) {
  const fuse_copy_file_range_in* in = data.in<fuse_copy_file_range_in>();
  if (in == nullptr) return data.reply(-EIO);
  DataFile* to = findData(in->nodeid_out);
  if (to == nullptr || !to->writable) return -ENOENT;
  return start(new CopyRangeJob(data, file, to, *in));
}

/** One row per opcode of the data plane. */
struct Row {
  uint32_t opcode;
  bool writes;  // the header's node; COPY_FILE_RANGE reads that and checks the other itself
  int64_t (*serve)(const Data&, DataFile*);
};

const Row rows[] = {
    {FUSE_READ, false, serveRead},
    {FUSE_WRITE, true, serveWrite},
    {FUSE_FSYNC, false, serveFsync},
    {FUSE_LSEEK, false, serveLseek},
    {FUSE_FALLOCATE, true, serveFallocate},
    {FUSE_COPY_FILE_RANGE, false, serveCopyRange},
    {FUSE_COPY_FILE_RANGE_64, false, serveCopyRange},
};

}  // namespace

int64_t serveData(int fuseFd, const uint8_t* message, size_t length, uint8_t** block) {
  const Data data = {fuseFd, message, length, block};
  const fuse_in_header& header = data.header();
  for (const Row& row : rows) {
    if (row.opcode != header.opcode) continue;
    DataFile* file = findData(header.nodeid);
    if (file == nullptr || (row.writes && !file->writable)) return -ENOENT;
    return row.serve(data, file);
  }
  return -ENOENT;
}

size_t writersOf(uint64_t nodeid) {
  InFlight& jobs = inFlight();
  std::lock_guard<std::mutex> lock(jobs.mutex);
  const auto found = jobs.writing.find(nodeid);
  return found == jobs.writing.end() ? 0 : static_cast<size_t>(found->second);
}

void drainData() {
  InFlight& jobs = inFlight();
  std::unique_lock<std::mutex> lock(jobs.mutex);
  jobs.none.wait(lock, [&] { return jobs.count == 0; });
}
