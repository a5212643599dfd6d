/** The monitor's day: bytes from the program to the log and to clients, bytes from clients to the program. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor.h"

enum { CHUNK = 65536, TERMINAL_REST_MS = 100, PARTING_MS = 10000 };

/** @return bytes read; 0 at the end, when nothing more will come; -EAGAIN */
static int read_output(struct monitor* monitor, int index) {
  static char data[CHUNK];
  const ssize_t length = read(monitor->outputs[index], data, sizeof data);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return -EAGAIN;
  if (length <= 0) {
    // A terminal that nobody has open any more answers EIO.
    if (monitor->outputs[index] != monitor->child.master) close(monitor->outputs[index]);
    monitor->outputs[index] = -1;
    return 0;
  }
  log_add(&monitor->log, index + 1, data, (size_t)length);
  tell_all(monitor, index == 0 ? FRAME_STDOUT : FRAME_STDERR, data, (size_t)length);
  return (int)length;
}

static void write_input(struct monitor* monitor) {
  if (monitor->input < 0) {
    monitor->input_queue.start = monitor->input_queue.length = 0;
    return;
  }
  int rc = 0;
  if (monitor->input_queue.length > 0) rc = queue_write(&monitor->input_queue, monitor->input);
  const bool broken = rc < 0 && rc != -EAGAIN;
  if (broken) monitor->input_queue.start = monitor->input_queue.length = 0;
  const bool over = monitor->input_ends && monitor->input_queue.length == 0;
  // A terminal has no end of input.
  if ((broken || over) && monitor->input != monitor->child.master) {
    close(monitor->input);
    monitor->input = -1;
  }
}

static void take_signals(struct monitor* monitor) {
  struct signalfd_siginfo info;
  while (read(monitor->signals, &info, sizeof info) == sizeof info) {
    // Asked to end, the monitor asks the program; it ends when that has ended.
    if (info.ssi_signo == SIGTERM) (void)syscall(SYS_pidfd_send_signal, monitor->child.pidfd, monitor->settings.stop_signal, NULL, 0);
  }
}

/** What is left in the pipes. Everybody in the container is dead, or whoever lives on no longer matters. */
static void drain(struct monitor* monitor) {
  for (int i = 0; i < 2; i++) {
    while (monitor->outputs[i] >= 0) {
      if (read_output(monitor, i) != -EAGAIN) continue;
      // The kernel hands on what was written to a terminal a moment later.
      struct pollfd wait = {.fd = monitor->outputs[i], .events = POLLIN};
      if (monitor->outputs[i] != monitor->child.master || poll(&wait, 1, TERMINAL_REST_MS) <= 0) break;
    }
  }
  log_end(&monitor->log);
}

enum { SLOT_CHILD, SLOT_SIGNALS, SLOT_LISTENER, SLOT_OUT, SLOT_ERR, SLOT_INPUT, SLOT_CLIENTS };

static void fill(struct monitor* monitor, struct pollfd* slots) {
  const short reading = clients_keep_up(monitor) ? POLLIN : 0;
  slots[SLOT_CHILD] = (struct pollfd){.fd = monitor->child.pidfd, .events = POLLIN};
  slots[SLOT_SIGNALS] = (struct pollfd){.fd = monitor->signals, .events = POLLIN};
  slots[SLOT_LISTENER] = (struct pollfd){.fd = monitor->client_count == CLIENTS_MAX ? -1 : monitor->listener, .events = POLLIN};
  for (int i = 0; i < 2; i++) slots[SLOT_OUT + i] = (struct pollfd){.fd = reading ? monitor->outputs[i] : -1, .events = POLLIN};
  const bool has_input = monitor->input_queue.length > 0 || (monitor->input_ends && monitor->input != monitor->child.master);
  slots[SLOT_INPUT] = (struct pollfd){.fd = has_input ? monitor->input : -1, .events = POLLOUT};
  for (size_t i = 0; i < monitor->client_count; i++) {
    const struct client* client = &monitor->clients[i];
    const short listening = !client->ended && monitor->input_queue.length < INPUT_HIGH ? POLLIN : 0;
    const short events = (short)(listening | (client->out.length > 0 ? POLLOUT : 0));
    // One that is gone is heard to its end once there is room: till then poll would say again and again that it has hung up.
    slots[SLOT_CLIENTS + i] = (struct pollfd){.fd = events == 0 && !client->ended ? -1 : client->fd, .events = events};
  }
}

int run_loop(struct monitor* monitor) {
  struct pollfd slots[SLOT_CLIENTS + CLIENTS_MAX];
  for (;;) {
    const size_t count = monitor->client_count;
    fill(monitor, slots);
    if (poll(slots, SLOT_CLIENTS + count, -1) < 0) {
      if (errno == EINTR) continue;
      return failed(-errno, "poll", NULL);
    }
    if (slots[SLOT_SIGNALS].revents != 0) take_signals(monitor);
    for (int i = 0; i < 2; i++) {
      if (slots[SLOT_OUT + i].revents != 0 && monitor->outputs[i] >= 0) read_output(monitor, i);
    }
    // From the last to the first: a client that is dropped is replaced by one that was looked at already. One that was
    // dropped while output was told to all is missed by its descriptor.
    for (size_t i = count; i-- > 0;) {
      const short events = slots[SLOT_CLIENTS + i].revents;
      if (events == 0 || i >= monitor->client_count || monitor->clients[i].fd != slots[SLOT_CLIENTS + i].fd) continue;
      if ((events & (POLLOUT | POLLERR)) != 0) tell_client(monitor, i);
      if (i >= monitor->client_count || monitor->clients[i].fd != slots[SLOT_CLIENTS + i].fd) continue;
      if (monitor->clients[i].ended && (events & (POLLHUP | POLLERR)) != 0) drop_client(monitor, i);
      else if (!monitor->clients[i].ended && (events & (POLLIN | POLLHUP | POLLERR)) != 0) hear_client(monitor, i);
    }
    write_input(monitor);
    if (slots[SLOT_LISTENER].revents != 0) accept_clients(monitor);
    if (slots[SLOT_CHILD].revents == 0) continue;
    drain(monitor);
    return 0;
  }
}

/** The client took all it was told. One that went away without reading leaves ECONNRESET behind, one that had read does not. */
static bool has_heard(const struct client* client) {
  int error = 0;
  socklen_t size = sizeof error;
  return client->out.length == 0 && getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool part_from_clients(struct monitor* monitor) {
  bool cleans_up = false;
  while (monitor->client_count > 0) {
    const size_t last = monitor->client_count - 1;
    struct client* client = &monitor->clients[last];
    struct pollfd slot = {.fd = client->fd, .events = (short)(client->out.length > 0 ? POLLOUT : 0)};
    const int ready = poll(&slot, 1, client->out.length > 0 ? PARTING_MS : 0);
    const bool gone = ready > 0 && (slot.revents & (POLLHUP | POLLERR)) != 0;
    if (client->out.length > 0 && ready > 0 && !gone) {
      tell_client(monitor, last);
      continue;
    }
    // Only who has heard the end can be relied on; he may have gone to work already.
    if (client->cleans_up && has_heard(client)) cleans_up = true;
    drop_client(monitor, last);
  }
  return cleans_up;
}
