/** Messages between the child and the monitor: one struct each over a seqpacket socket, at most one descriptor with it. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stage.h"

int sync_send(int socket, enum sync_kind kind, int value, int fd) {
  struct sync_message message = {.kind = kind, .value = value, .failure = fault};
  struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0) {
    header.msg_control = control.room;
    header.msg_controllen = sizeof control.room;
    struct cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  ssize_t rc;
  do {
    rc = sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (rc < 0 && errno == EINTR);
  return rc < 0 ? -errno : 0;
}

int sync_receive(int socket, struct sync_message* message, int* fd) {
  struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
  *fd = -1;
  ssize_t rc;
  do {
    rc = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (rc < 0 && errno == EINTR);
  if (rc < 0) return errno == ECONNRESET ? 0 : -errno;
  if (rc == 0) return 0;
  const struct cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights != NULL && rights->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(rights), sizeof *fd);
  return rc == sizeof *message ? 1 : -EPROTO;
}

_Noreturn void give_up(int socket) {
  // If nobody listens any more there is nobody to tell.
  (void)sync_send(socket, SYNC_FAILED, 0, -1);
  _exit(fault.exit_code);
}

void sync_wait(int socket) {
  struct sync_message message;
  int fd;
  if (sync_receive(socket, &message, &fd) != 1 || message.kind != SYNC_CONTINUE) _exit(EXIT_OURS);
}
