/*
 * One operation, many times, in one directory: what the benchmark times.
 *
 *   ops OP DIR N [--server PID] [--size S] [--first K] [--second DIR2] [-- COMMAND...]
 *
 * Prints one JSON line: nanoseconds per operation (median of chunks, mean of all), and the processor time the process
 * PID took for one. What an operation needs is made before the clock starts. Names: f0, f1, ... are there beforehand;
 * fn0, ... are made by the preparation; no0, ... are not there. (null.c answers by these first letters.)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNKS = 20, WRITERS = 4, BLOCK = 128 * 1024, PAGE = 4096 };
#define BIG_NAME "big"

static struct {
  long n, size, first;
  pid_t server;
  const char *second;
  char **command;
} args = {.size = 4096};

static char buffer[BLOCK];
static int held = -1;
static const char *mapped;
static long held_size;

static void fail(const char *format, ...) {
  const int error = errno;
  va_list list;
  va_start(list, format);
  fprintf(stderr, "ops: ");
  vfprintf(stderr, format, list);
  fprintf(stderr, ": %s\n", strerror(error));
  va_end(list);
  exit(1);
}

static const char *name(const char *prefix, long i) {
  static char text[2][64];
  static int which;
  which ^= 1;
  snprintf(text[which], sizeof text[which], "%s%ld", prefix, i);
  return text[which];
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) return -1;
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The processor time of all threads of a process, those that ended too; -1 without one. clock_getcpuclockid(3). */
static int64_t server_ns(void) {
  clockid_t clock;
  if (args.server <= 0 || clock_getcpuclockid(args.server, &clock) != 0) return -1;
  return clock_ns(clock);
}

/* The same sequence in every run and for every subject. */
static uint64_t next_random(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static int must_open(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) fail("open %s", path);
  return fd;
}

static void must_write(int fd, const void *from, size_t size) {
  if (write(fd, from, size) != (ssize_t)size) fail("write");
}

static void make_file(const char *path, long size) {
  const int fd = must_open(path, O_WRONLY | O_CREAT);
  for (long left = size; left > 0; left -= BLOCK) must_write(fd, buffer, left < BLOCK ? left : BLOCK);
  if (close(fd) != 0) fail("close %s", path);
}

/* ---- what is made beforehand ---- */

static void need_files(long n) {
  for (long i = 0; i < n; i++) make_file(name("fn", i), 0);
}
static void need_one_file(long n) {
  (void)n;
  make_file("fn", 0);
}
static void need_dirs(long n) {
  for (long i = 0; i < n; i++) {
    if (mkdir(name("dn", i), 0755) != 0 && errno != EEXIST) fail("mkdir");
  }
}
static void need_big(long n) {
  (void)n;
  held = must_open(BIG_NAME, O_RDONLY);
  held_size = lseek(held, 0, SEEK_END);
  lseek(held, 0, SEEK_SET);
}
static void need_mapping(long n) {
  need_big(n);
  mapped = mmap(NULL, held_size, PROT_READ, MAP_SHARED, held, 0);
  if (mapped == MAP_FAILED) fail("mmap");
}
static void need_new_file(long n) {
  (void)n;
  held = must_open("no-data", O_RDWR | O_CREAT | O_TRUNC);
}
static void need_new_log(long n) {
  (void)n;
  held = must_open("no-log", O_WRONLY | O_CREAT | O_APPEND);
}
static void need_written_file(long n) {
  need_new_file(n);
  held_size = args.size;
  for (long done = 0; done < held_size; done += BLOCK) must_write(held, buffer, BLOCK);
}

/* ---- the operations: each does step i and answers how many operations that was ---- */

static long do_stat(long i) {
  struct stat s;
  if (lstat(name("f", i), &s) != 0) fail("lstat f%ld", i);
  return 1;
}
static long do_missing(long i) {
  struct stat s;
  if (lstat(name("no", i), &s) == 0) fail("no%ld is there", i);
  if (errno != ENOENT) fail("lstat no%ld", i);
  return 1;
}
static long do_read_small(long i) {
  const int fd = must_open(name("f", i), O_RDONLY);
  if (read(fd, buffer, BLOCK) < 0) fail("read f%ld", i);
  close(fd);
  return 1;
}

/* Read a directory and lstat what is in it, all the way down; with `second`, the same names there too. */
static long walk(int parent, int parent2, const char *dir) {
  const int fd = openat(parent, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open %s", dir);
  const int fd2 = parent2 < 0 ? -1 : openat(parent2, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent2 >= 0 && fd2 < 0) fail("open %s in the second tree", dir);
  DIR *stream = fdopendir(fd);
  if (stream == NULL) fail("fdopendir");
  long seen = 0;
  for (struct dirent *e; (e = readdir(stream)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    struct stat s;
    if (fstatat(fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) fail("lstat %s", e->d_name);
    const bool isDir = S_ISDIR(s.st_mode);
    if (fd2 >= 0 && fstatat(fd2, e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) fail("lstat %s there", e->d_name);
    seen++;
    if (isDir) seen += walk(fd, fd2, e->d_name);
  }
  closedir(stream);
  if (fd2 >= 0) close(fd2);
  return seen;
}
static long do_walk(long i) {
  return walk(AT_FDCWD, -1, name("d", i));
}
static long do_walk_all(long i) {
  (void)i;
  return walk(AT_FDCWD, -1, ".");
}
static long do_double_walk(long i) {
  (void)i;
  const int second = open(args.second, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (second < 0) fail("open the second tree");
  const long seen = walk(AT_FDCWD, second, ".");
  close(second);
  return seen;
}
static long do_readdir(long i) {
  (void)i;
  DIR *stream = opendir(".");
  if (stream == NULL) fail("opendir");
  long seen = 0;
  while (readdir(stream) != NULL) seen++;
  closedir(stream);
  return seen;
}

static long do_create(long i) {
  close(must_open(name("no", i), O_WRONLY | O_CREAT | O_EXCL));
  return 1;
}
static long do_create_16k(long i) {
  const int fd = must_open(name("no", i), O_WRONLY | O_CREAT | O_EXCL);
  must_write(fd, buffer, 16 * 1024);
  if (close(fd) != 0) fail("close");
  return 1;
}
static long do_mkdir(long i) {
  if (mkdir(name("no", i), 0755) != 0) fail("mkdir no%ld", i);
  return 1;
}
static long do_rmdir(long i) {
  if (rmdir(name("dn", i)) != 0) fail("rmdir dn%ld", i);
  return 1;
}
static long do_symlink(long i) {
  if (symlink("target", name("no", i)) != 0) fail("symlink no%ld", i);
  return 1;
}
static long do_link(long i) {
  if (link("fn", name("no", i)) != 0) fail("link no%ld", i);
  return 1;
}
static long do_rename(long i) {
  if (rename(name("fn", i), name("no", i)) != 0) fail("rename fn%ld", i);
  return 1;
}
static long do_unlink(long i) {
  if (unlink(name("fn", i)) != 0) fail("unlink fn%ld", i);
  return 1;
}
static long do_whiteout(long i) {
  if (unlink(name("f", i)) != 0) fail("unlink f%ld", i);
  return 1;
}
/* By open: where copy-up is put off until the first change, one byte is that. */
static long do_copyup_open(long i) {
  const int fd = must_open(name("f", i), O_WRONLY);
  must_write(fd, "x", 1);
  if (close(fd) != 0) fail("close f%ld", i);
  return 1;
}
static long do_copyup_chmod(long i) {
  if (chmod(name("f", i), 0600) != 0) fail("chmod f%ld", i);
  return 1;
}
static long do_copyup_big(long i) {
  (void)i;
  const int fd = must_open(BIG_NAME, O_WRONLY);
  must_write(fd, "x", 1);
  if (close(fd) != 0) fail("close");
  return 1;
}

static long do_read_seq(long i) {
  const off_t at = (off_t)i * BLOCK % held_size;
  if (pread(held, buffer, BLOCK, at) < 0) fail("pread");
  return 1;
}
static long do_read_random(long i) {
  (void)i;
  if (pread(held, buffer, PAGE, next_random() % (held_size / PAGE) * PAGE) != PAGE) fail("pread");
  return 1;
}
static long do_mmap(long i) {
  static volatile char sink;
  const off_t from = (off_t)i * BLOCK % held_size;
  for (off_t at = from; at < from + BLOCK && at < held_size; at += PAGE) sink = mapped[at];
  (void)sink;
  return 1;
}
static long do_write_seq(long i) {
  (void)i;
  must_write(held, buffer, BLOCK);
  return 1;
}
static long do_write_random(long i) {
  (void)i;
  if (pwrite(held, buffer, PAGE, next_random() % (held_size / PAGE) * PAGE) != PAGE) fail("pwrite");
  return 1;
}
static long do_append(long i) {
  (void)i;
  must_write(held, buffer, 100);
  return 1;
}
static long do_fsync(long i) {
  (void)i;
  if (pwrite(held, buffer, PAGE, 0) != PAGE || fsync(held) != 0) fail("fsync");
  return 1;
}

/* Four processes, each in its own directory: create, stat, unlink. Step i is one such batch of --size rounds. */
static void need_own_dirs(long n) {
  (void)n;
  need_dirs(WRITERS);
}
static void work_alone(long i, int who) {
  char path[96];
  struct stat s;
  for (long k = 0; k < args.size; k++) {
    snprintf(path, sizeof path, "dn%d/no%ld-%ld", who, i, k);
    close(must_open(path, O_WRONLY | O_CREAT | O_EXCL));
    if (lstat(path, &s) != 0) fail("lstat %s", path);
    if (unlink(path) != 0) fail("unlink %s", path);
  }
}
static long do_parallel(long i) {
  pid_t pids[WRITERS];
  for (int who = 0; who < WRITERS; who++) {
    pids[who] = fork();
    if (pids[who] < 0) fail("fork");
    if (pids[who] > 0) continue;
    work_alone(i, who);
    _exit(0);
  }
  bool good = true;
  for (int who = 0; who < WRITERS; who++) {
    int status;
    if (waitpid(pids[who], &status, 0) < 0 || status != 0) good = false;
  }
  if (!good) fail("one of the processes failed");
  return WRITERS * args.size * 3;
}

static long do_command(long i) {
  (void)i;
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execvp(args.command[0], args.command);
    _exit(127);
  }
  int status;
  if (waitpid(pid, &status, 0) < 0 || status != 0) {
    fprintf(stderr, "%s ended with status %d\n", args.command[0], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    exit(1);
  }
  return 1;
}

/* ---- trees for the branches; not timed by anybody ---- */

static long make_files(long i) {
  make_file(name("f", args.first + i), args.size);
  return 1;
}
static long make_tree(long i) {
  char path[96];
  if (mkdir(name("d", i), 0755) != 0) fail("mkdir d%ld", i);
  for (long k = 0; k < args.size; k++) {
    snprintf(path, sizeof path, "d%ld/f%ld", i, k);
    make_file(path, 0);
  }
  return args.size;
}
static long make_big(long i) {
  (void)i;
  make_file(BIG_NAME, args.size);
  return 1;
}

/* `again`: all steps are done once before the clock starts. `flush`: what was written is closed within the time. */
static const struct op {
  const char *name;
  void (*prepare)(long n);
  long (*step)(long i);
  bool again, flush;
} ops[] = {
    {"stat", NULL, do_stat, false, false},
    {"stat-again", NULL, do_stat, true, false},
    {"missing", NULL, do_missing, false, false},
    {"missing-again", NULL, do_missing, true, false},
    {"read-small", NULL, do_read_small, false, false},
    {"read-small-again", NULL, do_read_small, true, false},
    {"walk", NULL, do_walk, false, false},
    {"walk-again", NULL, do_walk, true, false},
    {"walk-all", NULL, do_walk_all, false, false},
    {"walk-all-again", NULL, do_walk_all, true, false},
    {"double-walk", NULL, do_double_walk, false, false},
    {"readdir", NULL, do_readdir, false, false},
    {"readdir-again", NULL, do_readdir, true, false},
    {"create", NULL, do_create, false, false},
    {"create-16k", NULL, do_create_16k, false, false},
    {"mkdir", NULL, do_mkdir, false, false},
    {"rmdir", need_dirs, do_rmdir, false, false},
    {"symlink", NULL, do_symlink, false, false},
    {"link", need_one_file, do_link, false, false},
    {"rename", need_files, do_rename, false, false},
    {"unlink", need_files, do_unlink, false, false},
    {"whiteout", NULL, do_whiteout, false, false},
    {"copyup-open", NULL, do_copyup_open, false, false},
    {"copyup-chmod", NULL, do_copyup_chmod, false, false},
    {"copyup-big", NULL, do_copyup_big, false, false},
    {"read-seq", need_big, do_read_seq, false, false},
    {"read-seq-again", need_big, do_read_seq, true, false},
    {"read-random", need_big, do_read_random, false, false},
    {"read-seq-new", need_written_file, do_read_seq, false, false},
    {"read-random-new", need_written_file, do_read_random, false, false},
    {"mmap", need_mapping, do_mmap, false, false},
    {"mmap-again", need_mapping, do_mmap, true, false},
    {"write-seq", need_new_file, do_write_seq, false, true},
    {"write-random", need_written_file, do_write_random, false, true},
    {"append", need_new_log, do_append, false, true},
    {"fsync", need_new_file, do_fsync, false, false},
    {"parallel", need_own_dirs, do_parallel, false, false},
    {"command", NULL, do_command, false, false},
    {"make-files", NULL, make_files, false, false},
    {"make-tree", NULL, make_tree, false, false},
    {"make-big", NULL, make_big, false, false},
};

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void run(const struct op *op) {
  double chunk_ns[CHUNKS];
  const int chunks = args.n < CHUNKS ? (int)args.n : CHUNKS;
  long units = 0;
  if (op->prepare != NULL) op->prepare(args.n);
  for (long i = 0; op->again && i < args.n; i++) op->step(i);

  const int64_t server = server_ns();
  const int64_t start = clock_ns(CLOCK_MONOTONIC);
  int64_t last = start;
  for (int chunk = 0; chunk < chunks; chunk++) {
    long done = 0;
    for (long i = args.n * chunk / chunks; i < args.n * (chunk + 1) / chunks; i++) done += op->step(i);
    if (op->flush && chunk == chunks - 1 && close(held) != 0) fail("close");
    const int64_t now = clock_ns(CLOCK_MONOTONIC);
    chunk_ns[chunk] = done == 0 ? 0 : (double)(now - last) / done;
    units += done;
    last = now;
  }
  const int64_t used = server < 0 ? -1 : server_ns() - server;
  if (units == 0) {
    fprintf(stderr, "ops: %s found nothing to do\n", op->name);
    exit(1);
  }

  qsort(chunk_ns, chunks, sizeof chunk_ns[0], by_value);
  const double median = (chunk_ns[(chunks - 1) / 2] + chunk_ns[chunks / 2]) / 2;
  printf("{\"op\":\"%s\",\"units\":%ld,\"medianNs\":%.1f,\"meanNs\":%.1f,\"serverNs\":", op->name, units, median,
         (double)(last - start) / units);
  if (used < 0) printf("null}\n");
  else printf("%.1f}\n", (double)used / units);
}

static void usage(void) {
  fprintf(stderr, "usage: ops OP DIR N [--server PID] [--size S] [--first K] [--second DIR2] [-- COMMAND...]\nOP:");
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) fprintf(stderr, " %s", ops[i].name);
  fprintf(stderr, "\n");
  exit(2);
}

int main(int argc, char **argv) {
  if (argc < 4) usage();
  args.n = atol(argv[3]);
  for (int i = 4; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0) {
      args.command = argv + i + 1;
      break;
    }
    if (i + 1 == argc) usage();
    const char *value = argv[i + 1];
    if (strcmp(argv[i], "--server") == 0) args.server = atoi(value);
    else if (strcmp(argv[i], "--size") == 0) args.size = atol(value);
    else if (strcmp(argv[i], "--first") == 0) args.first = atol(value);
    else if (strcmp(argv[i], "--second") == 0) args.second = value;
    else usage();
    i++;
  }
  memset(buffer, 'b', sizeof buffer);
  umask(022);
  if (args.n < 1 || chdir(argv[2]) != 0) fail("%s", argv[2]);
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    if (strcmp(ops[i].name, argv[1]) != 0) continue;
    if (ops[i].step == do_command && (args.command == NULL || args.command[0] == NULL)) usage();
    if (ops[i].step == do_double_walk && args.second == NULL) usage();
    run(&ops[i]);
    return 0;
  }
  usage();
}
