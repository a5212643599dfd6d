/** A network namespace of one's own begins with a loopback device that is down. */
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stage.h"

int step_loopback(struct stage* stage, struct reader* fields) {
  DECODED(stage, fields);
  const int fd = sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  struct ifreq request = {.ifr_name = "lo"};
  int rc = sys(ioctl(fd, SIOCGIFFLAGS, &request));
  request.ifr_flags |= IFF_UP;
  if (rc >= 0) rc = sys(ioctl(fd, SIOCSIFFLAGS, &request));
  close(fd);
  return rc;
}
