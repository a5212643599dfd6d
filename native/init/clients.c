/**
 * Those who attach. Frames both ways: type u8, three zero bytes, length u32 big-endian, data. What a client says is
 * checked; one that breaks the rules is dropped.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor.h"

enum { FOREGROUND_HIGH = 256 << 10, BACKGROUND_MAX = 1 << 20 };

int add_client(struct monitor* monitor, int fd, bool foreground) {
  if (monitor->client_count == CLIENTS_MAX) return -EMFILE;
  const int flags = fcntl(fd, F_GETFL);
  int rc = flags < 0 ? -errno : sys(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
  if (rc >= 0) rc = sys(fcntl(fd, F_SETFD, FD_CLOEXEC));
  if (rc < 0) return rc;
  struct client* client = &monitor->clients[monitor->client_count++];
  memset(client, 0, sizeof *client);
  client->fd = fd;
  client->foreground = foreground;
  return 0;
}

void drop_client(struct monitor* monitor, size_t index) {
  struct client* client = &monitor->clients[index];
  // Who started the program with its own input takes that input away when it goes; a terminal stays.
  if (client->foreground && monitor->settings.io == IO_PIPES) monitor->input_ends = true;
  close(client->fd);
  queue_free(&client->out);
  *client = monitor->clients[--monitor->client_count];
}

void accept_clients(struct monitor* monitor) {
  for (;;) {
    const int fd = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (add_client(monitor, fd, false) < 0) close(fd);
  }
}

static void resize(struct monitor* monitor, const uint8_t* data) {
  struct winsize size = {.ws_row = (unsigned short)(data[0] << 8 | data[1]), .ws_col = (unsigned short)(data[2] << 8 | data[3])};
  // Without a terminal there is nothing to resize; docker says nothing either.
  if (monitor->child.master >= 0) (void)ioctl(monitor->child.master, TIOCSWINSZ, &size);
}

/** A frame without bulk is complete. @return false when there is no such frame */
static bool obey(struct monitor* monitor, struct client* client) {
  const uint8_t* data = client->small;
  switch (client->head[0]) {
    case FRAME_END:
      monitor->input_ends = true;
      return client->small_length == 0;
    case FRAME_RESIZE:
      if (client->small_length != 4) return false;
      resize(monitor, data);
      return true;
    case FRAME_SIGNAL:
      if (client->small_length != 1 || data[0] == 0 || data[0] > SIGRTMAX) return false;
      // It may be dead already; its exit is told anyway.
      (void)syscall(SYS_pidfd_send_signal, monitor->child.pidfd, data[0], NULL, 0);
      return true;
    case FRAME_CLEANS_UP:
      client->cleans_up = true;
      return client->small_length == 0;
    default: return false;
  }
}

/** Take up to `length` bytes of a client's stream. @return bytes taken, or -EPROTO */
static int take(struct monitor* monitor, struct client* client, const uint8_t* data, size_t length) {
  if (client->head_length < sizeof client->head) {
    size_t part = sizeof client->head - client->head_length;
    if (part > length) part = length;
    memcpy(client->head + client->head_length, data, part);
    client->head_length += part;
    if (client->head_length < sizeof client->head) return (int)part;
    uint32_t size;
    memcpy(&size, client->head + 4, sizeof size);
    client->left = ntohl(size);
    client->small_length = 0;
    if (client->head[0] != FRAME_STDIN && client->left > sizeof client->small) return -EPROTO;
    if (client->left > 0) return (int)part;
    client->head_length = 0;
    return client->head[0] == FRAME_STDIN || obey(monitor, client) ? (int)part : -EPROTO;
  }
  const size_t part = client->left < length ? client->left : length;
  client->left -= (uint32_t)part;
  if (client->head[0] == FRAME_STDIN) {
    if (monitor->input >= 0 && !monitor->input_ends) queue_add(&monitor->input_queue, data, part);
  } else {
    memcpy(client->small + client->small_length, data, part);
    client->small_length += part;
  }
  if (client->left > 0) return (int)part;
  client->head_length = 0;
  return client->head[0] == FRAME_STDIN || obey(monitor, client) ? (int)part : -EPROTO;
}

void hear_client(struct monitor* monitor, size_t index) {
  uint8_t data[32768];
  struct client* client = &monitor->clients[index];
  while (monitor->input_queue.length < INPUT_HIGH) {
    const ssize_t length = read(client->fd, data, sizeof data);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length < 0) return drop_client(monitor, index);
    if (length == 0) {
      client->ended = true;
      if (client->foreground && monitor->settings.io == IO_PIPES) monitor->input_ends = true;
      return;
    }
    for (size_t done = 0; done < (size_t)length;) {
      const int taken = take(monitor, client, data + done, (size_t)length - done);
      if (taken < 0) return drop_client(monitor, index);
      done += (size_t)taken;
    }
  }
}

void tell_client(struct monitor* monitor, size_t index) {
  struct client* client = &monitor->clients[index];
  if (client->out.length == 0) return;
  const int rc = queue_write(&client->out, client->fd);
  if (rc < 0 && rc != -EAGAIN) drop_client(monitor, index);
}

void tell_all(struct monitor* monitor, uint8_t type, const void* data, size_t length) {
  uint8_t head[8] = {type};
  const uint32_t size = htonl((uint32_t)length);
  memcpy(head + 4, &size, sizeof size);
  for (size_t i = monitor->client_count; i-- > 0;) {
    struct client* client = &monitor->clients[i];
    const bool fits = client->foreground || client->out.length + length <= BACKGROUND_MAX;
    if (!fits || queue_add(&client->out, head, sizeof head) < 0 || queue_add(&client->out, data, length) < 0) drop_client(monitor, i);
    else tell_client(monitor, i);
  }
}

bool clients_keep_up(const struct monitor* monitor) {
  for (size_t i = 0; i < monitor->client_count; i++) {
    if (monitor->clients[i].foreground && monitor->clients[i].out.length >= FOREGROUND_HIGH) return false;
  }
  return true;
}
