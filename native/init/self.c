/** Who we are to the container: a copy in memory that nobody can write, and a process that nobody can trace. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

extern char** environ;

/** The words we were started with. */
static char** words;

void remember_words(char** argv) { words = argv; }

static const int SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

static int is_sealed(int self) {
  const int seals = fcntl(self, F_GET_SEALS);
  return seals >= 0 && (seals & SEALS) == SEALS;
}

static int make_copy(int self) {
  struct stat about;
  int rc = sys(fstat(self, &about));
  if (rc < 0) return rc;
  int copy = sys(memfd_create("tsaufs-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
  // Kernels before 6.3 do not know MFD_EXEC; theirs are executable.
  if (copy == -EINVAL) copy = sys(memfd_create("tsaufs-init", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (copy < 0) return copy;
  for (off_t done = 0; done < about.st_size;) {
    const ssize_t sent = sendfile(copy, self, &done, (size_t)(about.st_size - done));
    if (sent <= 0) {
      rc = sent < 0 ? -errno : -EIO;
      close(copy);
      return rc;
    }
  }
  rc = sys(fchmod(copy, 0500));
  if (rc == 0) rc = sys(fcntl(copy, F_ADD_SEALS, SEALS));
  if (rc == 0) return copy;
  close(copy);
  return rc;
}

int run_from_sealed_copy(char** argv) {
  const int self = sys(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (self < 0) return failed(self, "open own program", "/proc/self/exe");
  if (is_sealed(self)) {
    close(self);
    return 0;
  }
  const int copy = make_copy(self);
  close(self);
  if (copy < 0) return failed(copy, "copy own program into memory", NULL);
  fexecve(copy, argv, environ);
  return failed(-errno, "run from the copy in memory", NULL);
}

int become_untraceable(void) { return failed(sys(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)), "become untraceable", NULL); }

void forget_origin(const char* name) {
  for (char** each = environ; each != NULL && *each != NULL; each++) explicit_bzero(*each, strlen(*each));
  const size_t room = words == NULL || words[0] == NULL ? 0 : strlen(words[0]) + 1;
  for (char** each = words; each != NULL && *each != NULL; each++) explicit_bzero(*each, strlen(*each));
  if (room > 0) snprintf(words[0], room, "%s", name);
  prctl(PR_SET_NAME, name, 0, 0, 0);
}
