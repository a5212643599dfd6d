#include "attr-plane.h"

#include <string.h>
#include <sys/xattr.h>

#include <unordered_map>

#include "attr.h"
#include "data-table.h"
#include "families.h"
#include "fuse-abi.h"
#include "fuse-reply.h"
#include "result.h"
#include "stored-stat.h"

namespace {

/** For ever, in every kernel's arithmetic. The directories here are those of mounts that nobody else changes. */
constexpr uint64_t kForever = (UINT64_C(1) << 53) - 1;

/** A directory whose attributes are those of one open branch directory, but for these. */
struct Directory {
  int fd;
  uint64_t ino;
  int32_t nlink;  // -1: its own
};

std::unordered_map<uint64_t, Directory> directories;

int64_t serveGetattr(int fuseFd, const fuse_in_header& header) {
  const auto found = directories.find(header.nodeid);
  if (found == directories.end()) return -ENOENT;
  const Directory& directory = found->second;
  struct statx st;
  if (statx(directory.fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, kAttrMask | STATX_MNT_ID, &st) != 0) return -ENOENT;
  if (statsAreStored) showStored(directory.fd, "", st);
  struct fuse_attr_out out = {};
  out.attr_valid = kForever;
  fillAttr(st, out.attr);
  out.attr.ino = directory.ino;
  if (directory.nlink >= 0) out.attr.nlink = static_cast<uint32_t>(directory.nlink);
  replyTo(fuseFd, header.unique, 0, &out, sizeof out);
  return 0;
}

constexpr char kCapability[] = "security.capability";

bool capabilityServed = true;

int64_t serveGetxattr(int fuseFd, const fuse_in_header& header, size_t length) {
  struct Message {
    fuse_in_header header;
    fuse_getxattr_in in;
    char name[sizeof kCapability];
  };
  const Message& message = reinterpret_cast<const Message&>(header);
  if (!capabilityServed || length < offsetof(Message, name) + sizeof kCapability) return -ENOENT;
  if (memcmp(message.name, kCapability, sizeof kCapability) != 0) return -ENOENT;
  const DataFile* file = findData(header.nodeid);
  if (file == nullptr) return -ENOENT;
  uint8_t value[64];
  const int64_t n = retry([&] { return fgetxattr(file->fd, kCapability, value, sizeof value); });
  // What is not simply there, or not there, takes the long way.
  if (n < 0 && n != -ENODATA) return -ENOENT;
  if (n >= 0 && message.in.size < static_cast<uint64_t>(n)) return -ENOENT;
  replyTo(fuseFd, header.unique, n < 0 ? n : 0, value, n < 0 ? 0 : static_cast<size_t>(n));
  return 0;
}

int64_t attrServe(int64_t nodeid, int fd, int64_t ino, int nlink) {
  directories[static_cast<uint64_t>(nodeid)] = {fd, static_cast<uint64_t>(ino), nlink};
  return 0;
}

int64_t attrForget(int64_t nodeid) { return directories.erase(static_cast<uint64_t>(nodeid)) == 0 ? -ENOENT : 0; }

int64_t attrCapability(int on) {
  capabilityServed = on != 0;
  return 0;
}

const Method methods[] = {
    method<attrServe>("attrServe", "nodeid fd ino nlink"),
    method<attrForget>("attrForget", "nodeid"),
    method<attrCapability>("attrCapability", "on"),
};

}  // namespace

int64_t serveAttributes(int fuseFd, const uint8_t* message, size_t length) {
  const fuse_in_header& header = *reinterpret_cast<const fuse_in_header*>(message);
  switch (header.opcode) {
    case FUSE_GETATTR:
      return serveGetattr(fuseFd, header);
    case FUSE_GETXATTR:
      return serveGetxattr(fuseFd, header, length);
    default:
      return -ENOENT;
  }
}

const Methods attrMethods = {methods, lengthOf(methods)};
