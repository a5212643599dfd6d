/** Worker threads for work that may sleep: data of cold files, fsync, big copies. */
#pragma once

#include <stddef.h>

class Job {
 public:
  virtual ~Job() = default;
  /** On a worker. The job is its own: it deletes itself, or hands itself on. */
  virtual void run() = 0;
};

/** Jobs that may wait before somebody should rather do the work himself. */
constexpr size_t kJobsQueued = 64;

/** Threads start with the first jobs. When none can be started the job runs here and now. */
void submitJob(Job* job);

/** How many jobs wait for a worker. */
size_t jobsQueued();
