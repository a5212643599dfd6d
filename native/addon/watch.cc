/**
 * Watches on directories: who changes them besides us. fanotify(7) with directory handles and names where the kernel and
 * the file system have it, else inotify(7). One group per process, read without waiting.
 *
 * fanotify says which process made a change: our own changes are dropped here. inotify does not; they are told as others'.
 */
#include <linux/fanotify.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <uv.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "families.h"
#include "result.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

namespace {

enum Kind : int { kFanotify = 1, kInotify = 2 };

/** What an event tells; native.ts has the same numbers. */
enum What : uint32_t { kName = 1, kData = 2, kAttributes = 4, kGone = 8, kOverflow = 16 };

constexpr size_t kReadSize = 64 * 1024;
/** Reads of one call: what is there then, and not what others go on adding. */
constexpr int kReadsMax = 4;

constexpr uint64_t kFanMask = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_MODIFY | FAN_CLOSE_WRITE |
                              FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF | FAN_EVENT_ON_CHILD | FAN_ONDIR;
constexpr uint32_t kInMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct Group {
  int kind = 0;
  int fd = -1;
  /** fanotify: number by file system and handle. */
  std::unordered_map<std::string, int> numbers;
  std::unordered_map<int, std::string> handles;
  int next = 1;
  /** Wakes the event loop. */
  uv_poll_t* poll = nullptr;
  napi_env env = nullptr;
  napi_ref wake = nullptr;
  napi_async_context context = nullptr;
};

Group group;

struct Events {
  std::vector<int32_t> numbers;
  std::vector<uint32_t> whats;
  std::vector<std::string> names;

  void add(int number, uint32_t what, const char* name) {
    // A program that writes a file is told of again and again.
    if (!numbers.empty() && numbers.back() == number && names.back() == name) {
      whats.back() |= what;
      return;
    }
    numbers.push_back(number);
    whats.push_back(what);
    names.emplace_back(name);
  }
};

/** Of a handle as both name_to_handle_at(2) and an event give it. */
std::string keyOf(const void* fsid, int type, const void* handle, size_t length) {
  std::string key(static_cast<const char*>(fsid), 8);
  key.append(reinterpret_cast<const char*>(&type), sizeof type);
  key.append(static_cast<const char*>(handle), length);
  return key;
}

int64_t handleOf(int dirfd, std::string& key) {
  struct statfs fs;
  int64_t rc = retry([&] { return fstatfs(dirfd, &fs); });
  if (rc < 0) return rc;
  alignas(struct file_handle) char memory[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  struct file_handle* handle = reinterpret_cast<struct file_handle*>(memory);
  int mount;
  for (const int flag : {AT_HANDLE_FID, 0}) {
    handle->handle_bytes = MAX_HANDLE_SZ;
    rc = retry([&] { return name_to_handle_at(dirfd, "", handle, &mount, AT_EMPTY_PATH | flag); });
    if (rc != -EINVAL) break;
  }
  if (rc < 0) return rc;
  key = keyOf(&fs.f_fsid, handle->handle_type, handle->f_handle, handle->handle_bytes);
  return 0;
}

int64_t openFanotify() {
  const unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME;
  // The queue is bounded on purpose: a bounded loss is found out and made good, memory that runs out is not.
  const int64_t rc = result(syscall(SYS_fanotify_init, flags | FAN_UNLIMITED_MARKS, O_RDONLY | O_CLOEXEC));
  return rc == -EPERM ? result(syscall(SYS_fanotify_init, flags, O_RDONLY | O_CLOEXEC)) : rc;
}

int64_t addFanotify(int dirfd) {
  std::string key;
  int64_t rc = handleOf(dirfd, key);
  if (rc < 0) return rc;
  rc = result(syscall(SYS_fanotify_mark, group.fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, kFanMask, dirfd, "."));
  if (rc < 0) return rc;
  const auto added = group.numbers.emplace(key, group.next);
  if (added.second) group.handles.emplace(group.next++, key);
  return added.first->second;
}

int64_t removeFanotify(int number, int dirfd) {
  const auto found = group.handles.find(number);
  if (found == group.handles.end()) return -ENOENT;
  std::string key;
  // Without an fd of it, or with that of another directory, the mark goes with the inode; what it tells is ignored.
  if (dirfd >= 0 && handleOf(dirfd, key) == 0 && key == found->second) {
    syscall(SYS_fanotify_mark, group.fd, FAN_MARK_REMOVE, kFanMask, dirfd, ".");
  }
  group.numbers.erase(found->second);
  group.handles.erase(found);
  return 0;
}

uint32_t whatOfFan(uint64_t mask) {
  uint32_t what = 0;
  if ((mask & (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)) != 0) what |= kName;
  if ((mask & (FAN_MODIFY | FAN_CLOSE_WRITE)) != 0) what |= kData;
  if ((mask & FAN_ATTRIB) != 0) what |= kAttributes;
  if ((mask & (FAN_DELETE_SELF | FAN_MOVE_SELF)) != 0) what |= kGone;
  return what;
}

uint32_t whatOfIn(uint32_t mask) {
  uint32_t what = 0;
  if ((mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) != 0) what |= kName;
  if ((mask & (IN_MODIFY | IN_CLOSE_WRITE)) != 0) what |= kData;
  if ((mask & IN_ATTRIB) != 0) what |= kAttributes;
  if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) what |= kGone;
  return what;
}

void takeFan(const struct fanotify_event_metadata* event, Events& events) {
  if ((event->mask & FAN_Q_OVERFLOW) != 0) {
    events.add(-1, kOverflow, "");
    return;
  }
  if (event->pid == getpid()) return;
  const char* at = reinterpret_cast<const char*>(event) + event->metadata_len;
  const char* end = reinterpret_cast<const char*>(event) + event->event_len;
  while (at + sizeof(struct fanotify_event_info_fid) <= end) {
    const auto* info = reinterpret_cast<const struct fanotify_event_info_fid*>(at);
    const uint8_t type = info->hdr.info_type;
    if (type == FAN_EVENT_INFO_TYPE_DFID_NAME || type == FAN_EVENT_INFO_TYPE_DFID) {
      const auto* handle = reinterpret_cast<const struct file_handle*>(info->handle);
      const void* bytes = handle->f_handle;
      const char* name = type == FAN_EVENT_INFO_TYPE_DFID ? "." : static_cast<const char*>(bytes) + handle->handle_bytes;
      const auto found = group.numbers.find(keyOf(&info->fsid, handle->handle_type, bytes, handle->handle_bytes));
      if (found != group.numbers.end()) events.add(found->second, whatOfFan(event->mask), strcmp(name, ".") == 0 ? "" : name);
    }
    at += info->hdr.len;
    if (info->hdr.len == 0) break;
  }
}

void takeFanotify(const char* buffer, int64_t length, Events& events) {
  const auto* event = reinterpret_cast<const struct fanotify_event_metadata*>(buffer);
  for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length)) takeFan(event, events);
}

void takeInotify(const char* buffer, int64_t length, Events& events) {
  for (int64_t at = 0; at < length;) {
    const auto* event = reinterpret_cast<const struct inotify_event*>(buffer + at);
    at += sizeof *event + event->len;
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      events.add(-1, kOverflow, "");
    } else if (const uint32_t what = whatOfIn(event->mask); what != 0) {
      events.add(event->wd, what, event->len > 0 ? event->name : "");
    }
  }
}

/** What has happened: 0 when nothing has, -errno. */
int64_t readEvents(Events& events) {
  alignas(8) static char buffer[kReadSize];
  for (int i = 0; i < kReadsMax; i++) {
    const int64_t length = retry([&] { return read(group.fd, buffer, sizeof buffer); });
    if (length == -EAGAIN || length == 0) return 0;
    if (length < 0) return length;
    if (group.kind == kFanotify) {
      takeFanotify(buffer, length, events);
    } else {
      takeInotify(buffer, length, events);
    }
  }
  return 0;
}

void onReadable(uv_poll_t*, int, int) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(group.env, &scope) != napi_ok) return;
  napi_value function;
  napi_value global;
  napi_get_reference_value(group.env, group.wake, &function);
  napi_get_global(group.env, &global);
  napi_make_callback(group.env, group.context, global, function, 0, nullptr, nullptr);
  napi_close_handle_scope(group.env, scope);
}

int64_t startPoll(const Raw& wake) {
  uv_loop_t* loop = nullptr;
  napi_value name;
  napi_create_string_utf8(wake.env, "tsaufs.watch", NAPI_AUTO_LENGTH, &name);
  if (napi_get_uv_event_loop(wake.env, &loop) != napi_ok ||
      napi_create_reference(wake.env, wake.value, 1, &group.wake) != napi_ok ||
      napi_async_init(wake.env, nullptr, name, &group.context) != napi_ok) {
    return -ENOMEM;
  }
  group.env = wake.env;
  group.poll = new uv_poll_t;
  const int rc = uv_poll_init(loop, group.poll, group.fd);
  if (rc < 0) return rc;
  uv_unref(reinterpret_cast<uv_handle_t*>(group.poll));
  return uv_poll_start(group.poll, UV_READABLE, onReadable);
}

int64_t watchClose() {
  if (group.fd < 0) return -EBADF;
  if (group.poll != nullptr) {
    const uv_close_cb gone = [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); };
    uv_close(reinterpret_cast<uv_handle_t*>(group.poll), gone);
    napi_async_destroy(group.env, group.context);
    napi_delete_reference(group.env, group.wake);
  }
  close(group.fd);
  group = Group();
  return 0;
}

napi_value watchOpen(int kind, Raw wake) {
  napi_valuetype type;
  if (napi_typeof(wake.env, wake.value, &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(wake.env, "ERR_INVALID_ARG_TYPE", "watchOpen: argument 'wake' must be a function");
    return nullptr;
  }
  if (group.fd >= 0) return toValue(wake.env, -EBUSY);
  if (kind != kFanotify && kind != kInotify) return toValue(wake.env, -EINVAL);
  const int64_t fd = kind == kFanotify ? openFanotify() : result(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (fd < 0) return toValue(wake.env, fd);
  group.fd = static_cast<int>(fd);
  group.kind = kind;
  const int64_t rc = startPoll(wake);
  if (rc < 0) watchClose();
  return toValue(wake.env, rc);
}

int64_t watchAdd(int dirfd) {
  if (group.fd < 0) return -EBADF;
  if (group.kind == kFanotify) return addFanotify(dirfd);
  const ProcPath path(dirfd);
  return retry([&] { return inotify_add_watch(group.fd, path, kInMask); });
}

int64_t watchRemove(int number, int dirfd) {
  if (group.fd < 0) return -EBADF;
  if (group.kind == kFanotify) return removeFanotify(number, dirfd);
  return result(inotify_rm_watch(group.fd, number));
}

template <typename T>
napi_value typedArray(napi_env env, napi_typedarray_type type, const std::vector<T>& values) {
  void* data = nullptr;
  napi_value memory;
  napi_value array;
  napi_create_arraybuffer(env, values.size() * sizeof(T), &data, &memory);
  memcpy(data, values.data(), values.size() * sizeof(T));
  napi_create_typedarray(env, type, values.size(), memory, 0, &array);
  return array;
}

napi_value watchRead(Raw raw) {
  napi_env env = raw.env;
  if (group.fd < 0) return toValue(env, -EBADF);
  Events events;
  const int64_t rc = readEvents(events);
  if (rc < 0 || events.numbers.empty()) return toValue(env, rc);
  napi_value names;
  napi_create_array_with_length(env, events.names.size(), &names);
  for (uint32_t i = 0; i < events.names.size(); i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value text;
    napi_create_string_latin1(env, events.names[i].data(), events.names[i].size(), &text);
    napi_set_element(env, names, i, text);
    napi_close_handle_scope(env, scope);
  }
  napi_value out;
  napi_create_object(env, &out);
  napi_set_named_property(env, out, "numbers", typedArray(env, napi_int32_array, events.numbers));
  napi_set_named_property(env, out, "whats", typedArray(env, napi_uint32_array, events.whats));
  napi_set_named_property(env, out, "names", names);
  return out;
}

const Method methods[] = {
    method<watchOpen>("watchOpen", "kind wake"),
    method<watchAdd>("watchAdd", "dirfd"),
    method<watchRemove>("watchRemove", "number dirfd"),
    // The parameter is never passed; it brings the environment.
    method<watchRead>("watchRead", "-"),
    method<watchClose>("watchClose", ""),
};

}  // namespace

const Methods watchMethods = {methods, lengthOf(methods)};
