/** BPF programs that the kernel asks about devices (cgroup v2). */
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>

#include "families.h"
#include "result.h"

namespace {

int64_t bpf(enum bpf_cmd command, union bpf_attr& attr) {
  return retry([&] { return syscall(SYS_bpf, command, &attr, sizeof attr); });
}

/** Load the instructions and attach them to the group. The program lives as long as the group. */
int64_t confineDevices(int group, const Bytes& instructions) {
  static const char license[] = "MIT";
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.expected_attach_type = BPF_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<uint64_t>(instructions.data);
  attr.insn_cnt = static_cast<uint32_t>(instructions.length / sizeof(struct bpf_insn));
  attr.license = reinterpret_cast<uint64_t>(license);
  const int64_t loaded = bpf(BPF_PROG_LOAD, attr);
  if (loaded < 0) return loaded;
  const Fd program(loaded);

  memset(&attr, 0, sizeof attr);
  attr.target_fd = static_cast<uint32_t>(group);
  attr.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  // With the programs of the groups above: a device must be allowed by all of them.
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  return bpf(BPF_PROG_ATTACH, attr);
}

const Method methods[] = {
    method<confineDevices>("confineDevices", "group instructions"),
};

}  // namespace

const Methods bpfMethods = {methods, lengthOf(methods)};
