/** Listing a directory in one call. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <vector>

#include "families.h"
#include "result.h"

namespace {

/** What getdents64(2) puts down. */
struct Dirent64 {
  uint64_t ino;
  int64_t off;
  uint16_t reclen;
  uint8_t type;
  char name[1];
};

struct Listing {
  std::vector<char> names;  // NUL-terminated, one after the other
  std::vector<uint32_t> inos;
  std::vector<uint8_t> types;
  std::vector<double> hashes;
  /** No name begins with `.wh.`. */
  bool plain = true;
};

/** nameHash of lib/util/name-hash.ts, digit for digit. There it is run once for a name, here for each of a directory's. */
double nameHash(const char* name) {
  uint32_t a = 0x811c9dc5;
  uint32_t b = 0x9747b28c;
  for (; *name != '\0'; name++) {
    const uint32_t c = static_cast<uint8_t>(*name);
    a = (a ^ c) * 0x01000193u;
    b = ((b + c) * 0x85ebca6bu) ^ (b >> 15);
  }
  return static_cast<double>((a ^ (a >> 15)) & 0x7ffff) * 4294967296.0 + static_cast<double>(b);
}

bool isDot(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

/** For file systems that do not say the type; an entry that went away meanwhile stays DT_UNKNOWN. */
uint8_t typeOf(int dirfd, const char* name) {
  struct stat st;
  if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) return DT_UNKNOWN;
  return static_cast<uint8_t>(st.st_mode >> 12);
}

void addEntries(int fd, const char* buffer, size_t length, Listing& list) {
  for (size_t at = 0; at < length;) {
    const Dirent64* entry = reinterpret_cast<const Dirent64*>(buffer + at);
    at += entry->reclen;
    const char* name = entry->name;
    if (isDot(name)) continue;
    list.names.insert(list.names.end(), name, name + strlen(name) + 1);
    list.inos.push_back(static_cast<uint32_t>(entry->ino));
    list.inos.push_back(static_cast<uint32_t>(entry->ino >> 32));
    list.hashes.push_back(nameHash(name));
    if (strncmp(name, ".wh.", 4) == 0) list.plain = false;
    list.types.push_back(entry->type == DT_UNKNOWN ? typeOf(fd, name) : entry->type);
  }
}

int64_t list(int dirfd, Listing& list) {
  const int64_t fd = retry([&] { return openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return fd;
  const Fd opened(fd);
  alignas(8) static thread_local char buffer[64 * 1024];
  for (;;) {
    const int64_t n = retry([&] { return syscall(SYS_getdents64, opened.get(), buffer, sizeof buffer); });
    if (n == 0 || n == -ENOENT) return 0;  // ENOENT: the directory has been removed; it is empty
    if (n < 0) return n;
    addEntries(opened.get(), buffer, static_cast<size_t>(n), list);
  }
}

napi_value makeNames(napi_env env, const Listing& list) {
  napi_value names;
  napi_create_array_with_length(env, list.types.size(), &names);
  const char* name = list.names.data();
  for (uint32_t i = 0; i < list.types.size(); i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    const size_t length = strlen(name);
    napi_value text;
    napi_create_string_latin1(env, name, length, &text);
    napi_set_element(env, names, i, text);
    napi_close_handle_scope(env, scope);
    name += length + 1;
  }
  return names;
}

template <typename T>
napi_value makeTyped(napi_env env, napi_typedarray_type type, const std::vector<T>& values) {
  void* data = nullptr;
  napi_value memory;
  napi_value array;
  const size_t bytes = values.size() * sizeof(T);
  napi_create_arraybuffer(env, bytes, &data, &memory);
  if (bytes > 0) memcpy(data, values.data(), bytes);
  napi_create_typedarray(env, type, values.size(), memory, 0, &array);
  return array;
}

napi_value readDir(int dirfd, Raw raw) {
  napi_env env = raw.env;
  Listing listing;
  const int64_t rc = list(dirfd, listing);
  if (rc < 0) return toValue(env, rc);
  napi_value out;
  napi_create_object(env, &out);
  napi_set_named_property(env, out, "names", makeNames(env, listing));
  napi_set_named_property(env, out, "inos", makeTyped(env, napi_uint32_array, listing.inos));
  napi_set_named_property(env, out, "types", makeTyped(env, napi_uint8_array, listing.types));
  napi_set_named_property(env, out, "hashes", makeTyped(env, napi_float64_array, listing.hashes));
  napi_value plain;
  napi_get_boolean(env, listing.plain, &plain);
  napi_set_named_property(env, out, "plain", plain);
  return out;
}

const Method methods[] = {
    // The second parameter is never passed; it brings the environment.
    method<readDir>("readdir", "dirfd -"),
};

}  // namespace

const Methods dirMethods = {methods, lengthOf(methods)};
