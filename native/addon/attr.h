/** statx(2) in the protocol's form. */
#pragma once

#include <linux/fuse.h>
#include <sys/stat.h>

/** STATX_* that a fuse_attr is made of. */
constexpr unsigned kAttrMask = STATX_BASIC_STATS;

/** A whole fuse_attr; device numbers in the 32-bit form of the protocol. */
void fillAttr(const struct statx& from, struct fuse_attr& to);
