/**
 * The columns of a merged directory (lib/union/listing.ts) and the answers made of them: what is done for each of thousands of
 * entries, most of them by a mount so new that its JavaScript has not been compiled.
 *
 * A call does the plain rows from a place on and stops at the first that is not; that one is JavaScript's.
 */
#include <dirent.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>

#include "attr.h"
#include "families.h"
#include "result.h"
#include "stored-stat.h"

namespace {

/** Of listing.ts: `.` and `..` have the offsets below, a row without entry has this branch, types have a flag above DT_*. */
constexpr double kFirstOffset = 3;
constexpr uint16_t kNoBranch = 0xffff;
constexpr uint8_t kAlone = 0x80;
constexpr uint8_t kTypeMask = 0x7f;

/** Halves of an inode number that can be shown without a hash: 40 bits (lib/union/ino.ts). */
constexpr uint32_t kHighLimit = 0x100;

/** For ever, as lib/fuse/reply.ts writes Infinity. */
constexpr uint64_t kForever = (uint64_t{1} << 53) - 1;

template <typename T>
T* column(const Bytes& bytes, size_t& rows) {
  rows = std::min(rows, bytes.length / sizeof(T));
  return reinterpret_cast<T*>(bytes.data);
}

/**
 * Enter the entries of a branch directory as rows from `row` on. Where there is a row with the same offset the entry is left
 * out, and `same` says which row (+ 1); it is 0 for those that are entered.
 * @returns how many were entered, -EINVAL without room for all
 */
int64_t putRows(Bytes index, Bytes offsets, Bytes branches, Bytes types, Bytes inos, uint32_t row, uint32_t branch, Bytes hashes,
                Bytes itsTypes, Bytes itsInos, Bytes same) {
  size_t room = offsets.length / sizeof(double);
  double* offset = column<double>(offsets, room);
  uint16_t* on = column<uint16_t>(branches, room);
  uint8_t* type = column<uint8_t>(types, room);
  uint64_t* ino = column<uint64_t>(inos, room);
  size_t count = hashes.length / sizeof(double);
  const double* hash = column<double>(hashes, count);
  const uint8_t* itsType = column<uint8_t>(itsTypes, count);
  const uint64_t* itsIno = column<uint64_t>(itsInos, count);
  int32_t* twin = column<int32_t>(same, count);
  int32_t* slots = reinterpret_cast<int32_t*>(index.data);
  const size_t size = index.length / sizeof(int32_t);
  if (count != hashes.length / sizeof(double) || row + count > room || size <= room || (size & (size - 1)) != 0) return -EINVAL;
  const uint32_t first = row;
  for (size_t i = 0; i < count; i++) {
    const double at = hash[i] + kFirstOffset;
    uint32_t slot = static_cast<uint32_t>(static_cast<int64_t>(at)) & (size - 1);
    twin[i] = 0;
    for (; slots[slot] != 0; slot = (slot + 1) & (size - 1)) {
      const uint32_t other = static_cast<uint32_t>(slots[slot]) - 1;
      if (other >= row) return -EINVAL;
      if (offset[other] == at && on[other] != kNoBranch) {
        twin[i] = slots[slot];
        break;
      }
    }
    if (twin[i] != 0) continue;
    offset[row] = at;
    on[row] = static_cast<uint16_t>(branch);
    type[row] = itsType[i] | kAlone;
    ino[row] = itsIno[i];
    slots[slot] = static_cast<int32_t>(++row);
  }
  return row - first;
}

/**
 * Fill `order` with the rows that have an entry, by offset.
 * @returns 1 if some have the same offset, else 0; -EINVAL if their number is not that of `order`
 */
int64_t sortRows(Bytes offsets, Bytes branches, uint32_t rows, Bytes order) {
  size_t known = offsets.length / sizeof(double);
  const double* offset = column<double>(offsets, known);
  const uint16_t* on = column<uint16_t>(branches, known);
  int32_t* out = reinterpret_cast<int32_t*>(order.data);
  const size_t size = order.length / sizeof(int32_t);
  if (rows > known) return -EINVAL;
  size_t count = 0;
  for (uint32_t row = 0; row < rows; row++) {
    if (on[row] == kNoBranch) continue;
    if (count == size) return -EINVAL;
    out[count++] = static_cast<int32_t>(row);
  }
  if (count != size) return -EINVAL;
  std::sort(out, out + count, [offset](int32_t x, int32_t y) { return offset[x] < offset[y]; });
  const auto same = [offset](int32_t x, int32_t y) { return offset[x] == offset[y]; };
  return std::adjacent_find(out, out + count, same) == out + count ? 0 : 1;
}

/** The rows of a list in their order, and an answer that is being filled. */
class Packer {
 public:
  Packer(Raw names, Bytes offsets, Bytes branches, Bytes types, Bytes order, Bytes out, uint32_t at, uint32_t limit)
      : names_(names), out_(out.data), at_(at), limit_(std::min<size_t>(limit, out.length)) {
    known_ = offsets.length / sizeof(double);
    offset_ = column<double>(offsets, known_);
    branch_ = column<uint16_t>(branches, known_);
    type_ = column<uint8_t>(types, known_);
    order_ = reinterpret_cast<int32_t*>(order.data);
    count_ = order.length / sizeof(int32_t);
  }

  /** Go to a place. false if there is no row, or none with a plain entry of `branch` and room for it after `head` bytes. */
  bool go(size_t place, uint32_t branch, size_t head) {
    if (place >= count_) return false;
    row_ = static_cast<uint32_t>(order_[place]);
    if (row_ >= known_ || branch_[row_] != branch) return false;
    const uint8_t type = this->type();
    if (type == DT_UNKNOWN || type == DT_DIR) return false;
    napi_value name;
    if (napi_get_element(names_.env, names_.value, row_, &name) != napi_ok || readArg(names_.env, name, name_) != nullptr) return false;
    length_ = strlen(name_);
    end_ = at_ + ((head + sizeof(struct fuse_dirent) + length_ + 7) & ~size_t{7});
    head_ = head;
    return end_ <= limit_;
  }

  uint32_t row() const { return row_; }
  uint8_t type() const { return type_[row_] & kTypeMask; }
  const Name& name() const { return name_; }
  size_t at() const { return at_; }
  uint8_t* place() const { return out_ + at_; }

  /** The record itself; what comes before it has been written. */
  void put(uint64_t ino) {
    struct fuse_dirent entry = {};
    entry.ino = ino;
    entry.off = static_cast<uint64_t>(offset_[row_]);
    entry.namelen = static_cast<uint32_t>(length_);
    entry.type = type();
    uint8_t* to = out_ + at_ + head_;
    memset(out_ + end_ - 8, 0, 8);
    memcpy(to, &entry, FUSE_NAME_OFFSET);
    memcpy(to + FUSE_NAME_OFFSET, name_.bytes, length_);
    at_ = end_;
  }

 private:
  const Raw names_;
  uint8_t* const out_;
  size_t at_;
  const size_t limit_;
  size_t known_;
  const double* offset_;
  const uint16_t* branch_;
  const uint8_t* type_;
  const int32_t* order_;
  size_t count_;
  uint32_t row_ = 0;
  size_t head_ = 0;
  size_t length_ = 0;
  size_t end_ = 0;
  Name name_;
};

/**
 * READDIR: records of plain rows of `branch`. @param base what its inode numbers are added to
 * @returns bytes written; `done` (u32) gets how many rows
 */
int64_t packRows(Raw names, Bytes offsets, Bytes branches, Bytes types, Bytes order, Bytes out, uint32_t at, uint32_t limit,
                 uint32_t place, uint32_t branch, int64_t base, Bytes inos, Bytes done) {
  Packer packer(names, offsets, branches, types, order, out, at, limit);
  const size_t known = inos.length / sizeof(uint64_t);
  const uint64_t* ino = reinterpret_cast<const uint64_t*>(inos.data);
  if (done.length < sizeof(uint32_t)) return -EINVAL;
  uint32_t count = 0;
  for (; packer.go(place + count, branch, 0); count++) {
    if (packer.row() >= known || ino[packer.row()] == 0 || ino[packer.row()] >> 32 >= kHighLimit) break;
    packer.put(static_cast<uint64_t>(base) + ino[packer.row()]);
  }
  memcpy(done.data, &count, sizeof count);
  return static_cast<int64_t>(packer.at()) - at;
}

/**
 * READDIRPLUS: the same with attributes, of files with one name. Nodeid and generation are left 0; `found` has for each row
 * where its record begins, and the halves of its inode number on the branch (three u32), then where the next record begins.
 * @returns how many rows, at most as many as `found` has room for
 */
int64_t packRowsPlus(Raw names, Bytes offsets, Bytes branches, Bytes types, Bytes order, Bytes out, uint32_t at, uint32_t limit,
                     uint32_t place, uint32_t branch, int64_t base, int dirfd, Bytes found) {
  if (statsAreStored) return 0;
  Packer packer(names, offsets, branches, types, order, out, at, limit);
  uint32_t* note = reinterpret_cast<uint32_t*>(found.data);
  if (found.length < sizeof(uint32_t)) return -EINVAL;
  const size_t room = (found.length / sizeof(uint32_t) - 1) / 3;
  size_t count = 0;
  for (; count < room && packer.go(place + count, branch, sizeof(struct fuse_entry_out)); count++) {
    struct statx st;
    if (statx(dirfd, packer.name(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kAttrMask, &st) != 0) break;
    if (st.stx_nlink != 1 || st.stx_mode >> 12 != packer.type() || st.stx_ino >> 32 >= kHighLimit) break;
    struct fuse_entry_out entry = {};
    entry.entry_valid = entry.attr_valid = kForever;
    fillAttr(st, entry.attr);
    entry.attr.ino += static_cast<uint64_t>(base);
    memcpy(packer.place(), &entry, sizeof entry);
    *note++ = static_cast<uint32_t>(packer.at());
    *note++ = static_cast<uint32_t>(st.stx_ino);
    *note++ = static_cast<uint32_t>(st.stx_ino >> 32);
    packer.put(entry.attr.ino);
  }
  *note = static_cast<uint32_t>(packer.at());
  return static_cast<int64_t>(count);
}

const Method methods[] = {
    method<putRows>("putRows", "index offsets branches types inos row branch hashes itsTypes itsInos same"),
    method<sortRows>("sortRows", "offsets branches rows order"),
    method<packRows>("packRows", "names offsets branches types order out at limit place branch base inos done"),
    method<packRowsPlus>("packRowsPlus", "names offsets branches types order out at limit place branch base dirfd found"),
};

}  // namespace

const Methods rowMethods = {methods, lengthOf(methods)};
