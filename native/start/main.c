/**
 * usage: tsaufs-start mount ARGUMENTS...          what `tsaufs mount` was given
 *        tsaufs-start mount.tsaufs ARGUMENTS...   what mount(8) gave its helper
 *        tsaufs-start overlay ARGUMENTS...        what tsaufs-overlay, the drop-in for fuse-overlayfs, was given
 *        tsaufs-start request LETTERS OPTIONS SOURCE MOUNTPOINT    the same after somebody has read it
 *        tsaufs-start command ARGUMENTS...        what `tsaufs` was given if that is no mount: command.c
 *
 * Only the plain forms of the first three are understood here; with everything else (a flag more, `-f`, `--help`, a mistake)
 * we become node and the command line that knows them all. If it comes to a mount, it comes back with the last form.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "start.h"

extern char** environ;

/** What is asked for, all of it as typed. */
struct call {
  /** v: say what was done; s: unknown options are warnings; f: do everything but the mount; o: options of fuse-overlayfs. */
  char letters[8];
  struct bytes options;
  const char* places[2];
  int place_count;
};

static void add_options(struct call* call, const char* text) {
  if (call->options.length > 0) append(&call->options, ",", 1);
  append_text(&call->options, text);
}

static bool add_place(struct call* call, const char* word) {
  if (call->place_count == 2 || *word == '\0') return false;
  call->places[call->place_count++] = word;
  return true;
}

static void add_letter(struct call* call, char letter) {
  const size_t length = strlen(call->letters);
  if (strchr(call->letters, letter) == NULL && length + 1 < sizeof call->letters) call->letters[length] = letter;
}

/** A live mount is to be changed. */
static bool asks_remount(const struct call* call) {
  static const char word[] = "remount";
  const size_t size = sizeof word - 1;
  for (size_t at = 0; at + size <= call->options.length; at++) {
    const char* text = call->options.data + at;
    const bool begins = at == 0 || text[-1] == ',';
    const bool ends = at + size == call->options.length || text[size] == ',';
    if (begins && ends && memcmp(text, word, size) == 0) return true;
  }
  return false;
}

/** `[-v] -o OPTIONS... [SOURCE] MOUNTPOINT` in any order. */
static bool plain_mount(struct call* call, char** arguments) {
  for (char** at = arguments; *at != NULL; at++) {
    if (strcmp(*at, "-o") == 0 || strcmp(*at, "--options") == 0) {
      if (*++at == NULL) return false;
      add_options(call, *at);
    } else if (strcmp(*at, "-v") == 0 || strcmp(*at, "--verbose") == 0) {
      add_letter(call, 'v');
    } else if (**at == '-' || !add_place(call, *at)) {
      return false;
    }
  }
  return call->place_count > 0 && !asks_remount(call);
}

/** `SOURCE DIR [-sfnv] [-o OPTIONS]... [-t TYPE]`. Source: mount(8), "EXTERNAL HELPERS". */
static bool plain_helper(struct call* call, char** arguments) {
  for (char** at = arguments; *at != NULL; at++) {
    const char* word = *at;
    if (strcmp(word, "-o") == 0 || strcmp(word, "-t") == 0) {
      if (*++at == NULL) return false;
      if (word[1] == 'o') add_options(call, *at);
    } else if (word[0] == '-' && word[1] != '\0') {
      if (word[1 + strspn(word + 1, "sfnv")] != '\0') return false;
      for (const char* letter = word + 1; *letter != '\0'; letter++) add_letter(call, *letter);
    } else if (!add_place(call, word)) {
      return false;
    }
  }
  return call->place_count == 2 && !asks_remount(call);
}

/** `-o OPTIONS... [SOURCE] TARGET` in any order, the options also as one word with the letter. Source: fuse-overlayfs(1). */
static bool plain_overlay(struct call* call, char** arguments) {
  const char* places[2];
  int count = 0;
  for (char** at = arguments; *at != NULL; at++) {
    if (strcmp(*at, "-o") == 0) {
      if (*++at == NULL) return false;
      add_options(call, *at);
    } else if (strncmp(*at, "-o", 2) == 0) {
      add_options(call, *at + 2);
    } else if (**at == '-' || **at == '\0' || count == 2) {
      return false;
    } else {
      places[count++] = *at;
    }
  }
  add_letter(call, 'o');
  // What /proc/mounts shows is always the same, whatever the caller thinks the source is.
  return count > 0 && add_place(call, "tsaufs-overlay") && add_place(call, places[count - 1]);
}

static bool exact_request(struct call* call, char** arguments) {
  for (int i = 0; i < 4; i++) {
    if (arguments[i] == NULL) return false;
  }
  for (const char* letter = arguments[0]; *letter != '\0'; letter++) add_letter(call, *letter);
  append_text(&call->options, arguments[1]);
  call->places[0] = arguments[2];
  call->places[1] = arguments[3];
  call->place_count = 2;
  return true;
}

void append_surroundings(struct bytes* to) {
  char* cwd = getcwd(NULL, 0);
  if (cwd != NULL) append_field(to, "cwd", cwd);
  free(cwd);
  const mode_t mask = umask(0);
  umask(mask);
  char octal[8];
  snprintf(octal, sizeof octal, "%o", (unsigned)mask);
  append_field(to, "umask", octal);
  for (char** variable = environ; *variable != NULL; variable++) append_field(to, "env", *variable);
}

/** The fields of a request. */
static struct bytes write_request(const struct call* call) {
  struct bytes request = {0};
  struct bytes options = call->options;
  append(&options, "", 1);
  append_field(&request, "letters", call->letters);
  append_field(&request, "options", options.data);
  append_field(&request, "source", call->place_count == 2 ? call->places[0] : "none");
  append_field(&request, "mountpoint", call->places[call->place_count - 1]);
  char engine[16];
  snprintf(engine, sizeof engine, "%d", (int)getppid());
  append_field(&request, "engine", engine);
  append_surroundings(&request);
  return request;
}

static int mount_union(const struct call* call) {
  const char* mountpoint = call->places[call->place_count - 1];
  struct bytes request = write_request(call);
  struct daemon daemon;
  const bool layers = strchr(call->letters, 'o') != NULL;
  if (!(layers && ask_beside(&daemon, call->options.data, &request)) && !ask_spare(&daemon, &request)) {
    const int error = start_daemon(&daemon, &request, mountpoint);
    if (error != 0) {
      complain_of("mount %s: %s: its process could not be started", mountpoint, errno_name(error));
      return EXIT_MOUNT;
    }
  }
  char* spare_seconds = NULL;
  const int code = converse(&daemon, mountpoint, &spare_seconds);
  if (code == 0 && spare_seconds != NULL) keep_spare(spare_seconds);
  return code;
}

/** Descriptors 0 to 2 exist, so that none of ours gets such a number. */
static void have_standard_fds(void) {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  char** arguments = argv + (argc > 1 ? 2 : 1);
  struct call call = {0};
  have_standard_fds();
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(verb, "mount.tsaufs") == 0) {
    if (!plain_helper(&call, arguments)) become_node(in_program("bin/mount.tsaufs.js"), arguments, EXIT_MOUNT);
  } else if (strcmp(verb, "overlay") == 0) {
    if (!plain_overlay(&call, arguments)) become_node(in_program("bin/tsaufs-overlay.js"), arguments, EXIT_MOUNT);
  } else if (strcmp(verb, "request") == 0) {
    if (!exact_request(&call, arguments)) return EXIT_USAGE;
  } else if (strcmp(verb, "command") == 0) {
    run_command(arguments);
  } else if (strcmp(verb, "mount") != 0 || !plain_mount(&call, arguments)) {
    run_command(argv + (argc > 0 ? 1 : 0));
  }
  return mount_union(&call);
}
