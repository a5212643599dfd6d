#include "awake.h"

#include <stdint.h>
#include <unistd.h>

namespace {

/** So many requests in quick succession are work, not a single command. */
constexpr int kQuickMin = 32;
/** The pause of a program between two of its calls is shorter, a person's is longer. */
constexpr int kHoldMs = 2;
/** PM_QOS_CPU_LATENCY_DEFAULT_VALUE of include/linux/pm_qos.h: no demand. In microseconds. */
constexpr int32_t kNoDemand = 2000 * 1000 * 1000;

int fd = -1;
int quick = 0;
bool held = false;

void demand(int32_t latencyUs) {
  // Refused: then processors halt as they did before.
  if (write(fd, &latencyUs, sizeof latencyUs) == sizeof latencyUs) held = latencyUs == 0;
}

}  // namespace

void awakeOpen(int latencyFd) {
  if (fd >= 0) close(fd);
  fd = latencyFd;
  quick = 0;
  held = false;
  // Opening it was a demand for the default already; say so, to find out here whether it may be written.
  if (fd >= 0) demand(kNoDemand);
}

void awakeQuick() {
  if (held || fd < 0) return;
  if (++quick >= kQuickMin) demand(0);
}

void awakeCalm() { quick = 0; }

int awakeLimit() { return held ? kHoldMs : -1; }

void awakeRelease() {
  quick = 0;
  if (held) demand(kNoDemand);
}
