/**
 * Unix sockets as the spare daemon needs them: wait for one client without an event loop, know him, take his descriptor. And
 * the pair that stands for /dev/fuse with another transport.
 */
#include "socket.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "families.h"
#include "result.h"

namespace {

/** A client who has connected has his request ready. */
constexpr struct timeval kRequestTimeout = {0, 300 * 1000};

/** Bind at `temporary`, for our user alone, and give it the name `path` when it listens. */
int64_t listenAt(const Name& temporary, const Name& path) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (strlen(temporary) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, temporary);
  Fd server(result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!server.open()) return -errno;
  const mode_t before = umask(0077);
  const int64_t bound = result(bind(server.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof address));
  umask(before);
  if (bound < 0) return bound;
  int64_t rc = result(listen(server.get(), 8));
  if (rc == 0) rc = result(rename(temporary, path));
  if (rc < 0) unlink(temporary);
  return rc < 0 ? rc : server.release();
}

/** Signals that end a wait; whichever thread gets one, the pipe tells the one that waits. */
constexpr int kEnding[] = {SIGTERM, SIGINT, SIGHUP};
int signalPipe[2] = {-1, -1};

void onEndingSignal(int) {
  const int kept = errno;
  const ssize_t rc = write(signalPipe[1], "", 1);
  static_cast<void>(rc);
  errno = kept;
}

int64_t monotonicMs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int64_t acceptBefore(int server, int64_t deadlineMs) {
  for (;;) {
    struct pollfd fds[2] = {{server, POLLIN, 0}, {signalPipe[0], POLLIN, 0}};
    const int64_t left = deadlineMs - monotonicMs();
    const int ready = left <= 0 ? 0 : poll(fds, 2, static_cast<int>(left < INT32_MAX ? left : INT32_MAX));
    if (fds[1].revents != 0) return -EINTR;
    if (ready == 0) return -ETIMEDOUT;
    const int64_t client = result(accept4(server, nullptr, nullptr, SOCK_CLOEXEC));
    if (client < 0) continue;
    setsockopt(static_cast<int>(client), SOL_SOCKET, SO_RCVTIMEO, &kRequestTimeout, sizeof kRequestTimeout);
    return client;
  }
}

int64_t acceptWithin(int server, int64_t timeoutMs) {
  if (pipe2(signalPipe, O_CLOEXEC) != 0) return -errno;
  struct sigaction ours = {};
  ours.sa_handler = onEndingSignal;
  struct sigaction before[lengthOf(kEnding)];
  for (size_t i = 0; i < lengthOf(kEnding); i++) sigaction(kEnding[i], &ours, &before[i]);
  const int64_t rc = acceptBefore(server, monotonicMs() + timeoutMs);
  for (size_t i = 0; i < lengthOf(kEnding); i++) sigaction(kEnding[i], &before[i], nullptr);
  for (const int fd : signalPipe) close(fd);
  return rc;
}

int64_t peerPid(int socket) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  const int64_t rc = result(getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length));
  if (rc < 0) return rc;
  return peer.uid == geteuid() && peer.pid > 0 ? peer.pid : -EPERM;
}

/** Whatever happens on the socket is a signal, and it is the one nobody can miss: nothing but its end will happen there. */
int64_t endWith(int socket) {
  int64_t rc = result(fcntl(socket, F_SETSIG, SIGKILL));
  if (rc == 0) rc = result(fcntl(socket, F_SETOWN, getpid()));
  const int64_t flags = rc == 0 ? result(fcntl(socket, F_GETFL)) : rc;
  if (flags >= 0) rc = result(fcntl(socket, F_SETFL, static_cast<int>(flags) | O_ASYNC));
  struct pollfd other = {socket, 0, 0};
  // It was there before that.
  if (poll(&other, 1, 0) > 0 && (other.revents & POLLHUP) != 0) kill(getpid(), SIGKILL);
  return rc;
}

/** Puts two u32, descriptors, into `pair`. */
int64_t messagePair(Bytes pair) {
  int fds[2];
  if (pair.length < sizeof fds) return -EINVAL;
  const int64_t rc = result(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
  if (rc == 0) memcpy(pair.data, fds, sizeof fds);
  return rc;
}

const Method methods[] = {
    method<messagePair>("messagePair", "pair"),
    method<listenAt>("listenAt", "temporary path"),
    method<acceptWithin>("acceptWithin", "server timeoutMs"),
    method<peerPid>("peerPid", "socket"),
    method<receiveFd>("receiveFd", "socket"),
    method<endWith>("endWith", "socket"),
};

}  // namespace

int64_t receiveFd(int socket) {
  char byte;
  struct iovec data = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const int64_t rc = retry([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (rc < 0) return rc;
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (rc == 0 || header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -EPERM;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

const Methods socketMethods = {methods, lengthOf(methods)};
