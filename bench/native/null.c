/*
 * A FUSE server that does nothing: what a round trip costs when no work is done for it. It is the floor that
 * operations of a real server are compared with.
 *
 *   null MOUNTPOINT       mounts, goes into the background, serves until it is unmounted
 *
 * No name is remembered: LOOKUP says that names beginning with "no" are missing, with "d" are directories, and that all
 * others are files of 4 KiB; whatever changes something succeeds. Entries and attributes are valid for ever, so that the
 * kernel asks only what it must, as it does of a server that keeps its caches right.
 *
 * It waits as native/addon/fuse-dev.cc does: a read that does not block, then looking again for a bounded time while
 * requests come in quick succession, then poll; and no processor halts meanwhile, here as long as it is mounted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WRITE = 1 << 20, REQUEST_SIZE = MAX_WRITE + 4096, FILE_SIZE = 4096 };

/* The same figures as in fuse-dev.cc. */
static const int64_t SPIN_NS = 50 * 1000;
static const int64_t QUICK_NS = 200 * 1000;
static const int64_t WOULD_HIT_NS = 100 * 1000;
enum { MISSES_MAX = 4 };

static int device;
static _Alignas(8) char request[REQUEST_SIZE];
static const char zeros[FILE_SIZE];

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static ssize_t read_once(void) {
  ssize_t n;
  do n = read(device, request, sizeof request);
  while (n < 0 && (errno == EINTR || errno == ENOENT));
  return n;
}

/* As native/addon/awake.cc does while it is busy. Closed by the end of the process. */
static void keep_awake(void) {
  const int32_t none = 0;
  const int fd = open("/dev/cpu_dma_latency", O_RDWR | O_CLOEXEC);
  if (fd >= 0 && write(fd, &none, sizeof none) != sizeof none) close(fd);
}

/* The next request, or -1 when the mount is gone. */
static ssize_t next_request(void) {
  static int64_t last_wait = INT64_MAX;
  static int misses;
  ssize_t n = read_once();
  if (n >= 0 || errno != EAGAIN) return n;
  const int64_t since = now_ns();
  if (last_wait < QUICK_NS && misses < MISSES_MAX) {
    do n = read_once();
    while (n < 0 && errno == EAGAIN && now_ns() - since < SPIN_NS);
    misses = n < 0 ? misses + 1 : 0;
  }
  while (n < 0 && errno == EAGAIN) {
    struct pollfd wait = {.fd = device, .events = POLLIN};
    poll(&wait, 1, -1);
    n = read_once();
  }
  last_wait = now_ns() - since;
  if (last_wait < WOULD_HIT_NS) misses = 0;
  return n;
}

static void reply(const struct fuse_in_header *to, int error, const void *body, size_t size) {
  struct fuse_out_header header = {.len = sizeof header + size, .error = error, .unique = to->unique};
  struct iovec parts[] = {{&header, sizeof header}, {(void *)body, size}};
  if (writev(device, parts, size > 0 ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV) perror("null: reply");
}

/* Node ids carry the type in their lowest two bits; the root's is 1. */
enum kind { FILE_NODE = 0, DIR_NODE = 1, LINK_NODE = 2 };
static uint64_t nodes = 1;
static uint64_t new_node(enum kind kind) { return ++nodes * 4 + kind; }

static struct fuse_attr attr_of(uint64_t node) {
  const enum kind kind = node & 3;
  const mode_t mode = kind == DIR_NODE ? S_IFDIR | 0755 : kind == LINK_NODE ? S_IFLNK | 0777 : S_IFREG | 0644;
  return (struct fuse_attr){.ino = node, .mode = mode, .nlink = kind == DIR_NODE ? 2 : 1, .blksize = 4096,
                            .size = kind == FILE_NODE ? FILE_SIZE : 0, .blocks = 8};
}

static const uint64_t FOR_EVER = 1000000000;
static struct fuse_entry_out entry_of(uint64_t node) {
  return (struct fuse_entry_out){.nodeid = node, .entry_valid = FOR_EVER, .attr_valid = FOR_EVER, .attr = attr_of(node)};
}

static void reply_entry(const struct fuse_in_header *to, uint64_t node) {
  const struct fuse_entry_out out = entry_of(node);
  reply(to, 0, &out, sizeof out);
}

static void init(const struct fuse_in_header *to, const struct fuse_init_in *in) {
  const uint32_t wanted = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_PARALLEL_DIROPS | FUSE_NO_OPENDIR_SUPPORT;
  const struct fuse_init_out out = {
      .major = FUSE_KERNEL_VERSION,
      .minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
      .max_readahead = in->max_readahead, .flags = in->flags & wanted, .max_background = 64,
      .congestion_threshold = 48, .max_write = MAX_WRITE, .time_gran = 1, .max_pages = 256,
  };
  reply(to, 0, &out, sizeof out);
}

static void lookup(const struct fuse_in_header *to, const char *name) {
  if (strncmp(name, "no", 2) == 0) reply(to, -ENOENT, NULL, 0);
  else reply_entry(to, new_node(name[0] == 'd' ? DIR_NODE : FILE_NODE));
}

static void serve(const struct fuse_in_header *in, const void *body) {
  switch (in->opcode) {
    case FUSE_INIT: return init(in, body);
    case FUSE_LOOKUP: return lookup(in, body);
    case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: return;
    case FUSE_GETATTR: case FUSE_SETATTR: {
      const struct fuse_attr_out out = {.attr_valid = FOR_EVER, .attr = attr_of(in->nodeid)};
      return reply(in, 0, &out, sizeof out);
    }
    case FUSE_CREATE: {
      struct { struct fuse_entry_out entry; struct fuse_open_out open; } out = {.entry = entry_of(new_node(FILE_NODE))};
      return reply(in, 0, &out, sizeof out);
    }
    case FUSE_MKDIR: return reply_entry(in, new_node(DIR_NODE));
    case FUSE_SYMLINK: return reply_entry(in, new_node(LINK_NODE));
    case FUSE_MKNOD: return reply_entry(in, new_node(FILE_NODE));
    case FUSE_LINK: return reply_entry(in, ((const struct fuse_link_in *)body)->oldnodeid);
    case FUSE_UNLINK: case FUSE_RMDIR: case FUSE_RENAME: case FUSE_RENAME2:
    case FUSE_RELEASE: case FUSE_RELEASEDIR: case FUSE_FSYNC: return reply(in, 0, NULL, 0);
    case FUSE_READ: {
      const struct fuse_read_in *read = body;
      const uint64_t left = read->offset < FILE_SIZE ? FILE_SIZE - read->offset : 0;
      return reply(in, 0, zeros, read->size < left ? read->size : left);
    }
    case FUSE_WRITE: {
      const struct fuse_write_out out = {.size = ((const struct fuse_write_in *)body)->size};
      return reply(in, 0, &out, sizeof out);
    }
    case FUSE_READDIR: return reply(in, 0, NULL, 0);
    case FUSE_STATFS: {
      const struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255}};
      return reply(in, 0, &out, sizeof out);
    }
    /* OPEN, OPENDIR, FLUSH, xattrs, ...: the kernel does not ask again. */
    default: return reply(in, -ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: null MOUNTPOINT\n");
    return 2;
  }
  device = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device);
  if (device < 0 || mount("null", argv[1], "fuse.null", MS_NOSUID | MS_NODEV, options) != 0) {
    perror("null: mount");
    return 1;
  }
  if (daemon(0, 0) != 0) return 1;
  keep_awake();
  for (ssize_t n; (n = next_request()) >= 0;) {
    const struct fuse_in_header *in = (const void *)request;
    if (n >= (ssize_t)sizeof *in) serve(in, in + 1);
  }
  return 0;
}
