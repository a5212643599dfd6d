/** The data table, for JavaScript. */
#include "data-plane.h"
#include "data-table.h"
#include "families.h"
#include "result.h"

namespace {

int64_t dataSet(int64_t nodeid, int fd, int writable, int pinned) {
  setData(static_cast<uint64_t>(nodeid), fd, writable != 0, pinned != 0);
  return 0;
}

int64_t dataFd(int64_t nodeid, int writable) {
  const DataFile* file = findData(static_cast<uint64_t>(nodeid));
  return file == nullptr || (writable != 0 && !file->writable) ? -ENOENT : file->fd;
}

int64_t dataDrop(int64_t nodeid) { return dropData(static_cast<uint64_t>(nodeid)) ? 0 : -ENOENT; }

int64_t dataSweep() { return static_cast<int64_t>(sweepData()); }

int64_t dataLimit(uint32_t max) {
  limitData(max);
  return 0;
}

int64_t dataWriters(int64_t nodeid) { return static_cast<int64_t>(writersOf(static_cast<uint64_t>(nodeid))); }

const Method methods[] = {
    method<dataSet>("dataSet", "nodeid fd writable pinned"),
    method<dataFd>("dataFd", "nodeid writable"),
    method<dataDrop>("dataDrop", "nodeid"),
    method<dataSweep>("dataSweep", ""),
    method<dataLimit>("dataLimit", "max"),
    method<dataWriters>("dataWriters", "nodeid"),
};

}  // namespace

const Methods dataMethods = {methods, lengthOf(methods)};
