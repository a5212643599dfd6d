/** System calls and their constants that are newer than the C library's headers. Numbers are the same on all ports. */
#pragma once

#include <stdint.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

/** struct xattr_args of linux/xattr.h, Linux 6.13. */
struct XattrArgs {
  uint64_t value;
  uint32_t size;
  uint32_t flags;
};
