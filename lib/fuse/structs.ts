/**
 * Every structure of the protocol that a server meets, in the order of include/uapi/linux/fuse.h, with the size the kernel
 * gives it. Field names are the kernel's. Where the header says u64 and means a signed number (times, offsets of lseek),
 * the table says i64. The reply structures serve the printer and the tests: replies are written by `reply.ts`.
 */
import { defineStruct, type Field, type Struct } from './struct.js'

const attr = [
  ['ino', 'u64'], ['size', 'u64'], ['blocks', 'u64'],
  ['atime', 'i64'], ['mtime', 'i64'], ['ctime', 'i64'],
  ['atimensec', 'u32'], ['mtimensec', 'u32'], ['ctimensec', 'u32'],
  ['mode', 'u32'], ['nlink', 'u32'], ['uid', 'u32'], ['gid', 'u32'], ['rdev', 'u32'], ['blksize', 'u32'], ['flags', 'u32'],
] as const satisfies readonly Field[]

const kstatfs = [
  ['blocks', 'u64'], ['bfree', 'u64'], ['bavail', 'u64'], ['files', 'u64'], ['ffree', 'u64'],
  ['bsize', 'u32'], ['namelen', 'u32'], ['frsize', 'u32'], ['padding', 'pad4'],
  ['spare', 'pad4'], ['spare', 'pad4'], ['spare', 'pad4'], ['spare', 'pad4'], ['spare', 'pad4'], ['spare', 'pad4'],
] as const satisfies readonly Field[]

const lock = [['start', 'u64'], ['end', 'u64'], ['type', 'u32'], ['pid', 'u32']] as const satisfies readonly Field[]

const padding = ['padding', 'pad4'] as const satisfies Field

export const Attr = defineStruct('attr', attr, 88)

export const Kstatfs = defineStruct('kstatfs', kstatfs, 80)

export const EntryOut = defineStruct('entry_out', [
  ['nodeid', 'u64'], ['generation', 'u64'], ['entry_valid', 'u64'], ['attr_valid', 'u64'],
  ['entry_valid_nsec', 'u32'], ['attr_valid_nsec', 'u32'], ...attr,
], 128)

export const ForgetIn = defineStruct('forget_in', [['nlookup', 'u64']], 8)
/** Follows BatchForgetIn `count` times. */
export const ForgetOne = defineStruct('forget_one', [['nodeid', 'u64'], ['nlookup', 'u64']], 16)
export const BatchForgetIn = defineStruct('batch_forget_in', [['count', 'u32'], padding], 8)

export const GetattrIn = defineStruct('getattr_in', [['getattr_flags', 'u32'], padding, ['fh', 'u64']], 16)
export const AttrOut = defineStruct('attr_out', [['attr_valid', 'u64'], ['attr_valid_nsec', 'u32'], padding, ...attr], 104)

/** 7.39: in no header of Debian 12. */
export const StatxIn = defineStruct('statx_in', [
  ['getattr_flags', 'u32'], padding, ['fh', 'u64'], ['sx_flags', 'u32'], ['sx_mask', 'u32'],
], 24)

export const StatxOut = defineStruct('statx_out', [
  ['attr_valid', 'u64'], ['attr_valid_nsec', 'u32'], ['flags', 'u32'], padding, padding, padding, padding,
  ['mask', 'u32'], ['blksize', 'u32'], ['attributes', 'u64'],
  ['nlink', 'u32'], ['uid', 'u32'], ['gid', 'u32'], ['mode', 'u16'], ['padding', 'pad2'],
  ['ino', 'u64'], ['size', 'u64'], ['blocks', 'u64'], ['attributes_mask', 'u64'],
  ['atime', 'i64'], ['atimensec', 'u32'], padding, ['btime', 'i64'], ['btimensec', 'u32'], padding,
  ['ctime', 'i64'], ['ctimensec', 'u32'], padding, ['mtime', 'i64'], ['mtimensec', 'u32'], padding,
  ['rdev_major', 'u32'], ['rdev_minor', 'u32'], ['dev_major', 'u32'], ['dev_minor', 'u32'],
  padding, padding, padding, padding, padding, padding, padding,
  padding, padding, padding, padding, padding, padding, padding,
  padding, padding, padding, padding, padding, padding, padding,
  padding, padding, padding, padding, padding, padding, padding,
], 288)

export const MknodIn = defineStruct('mknod_in', [['mode', 'u32'], ['rdev', 'u32'], ['umask', 'u32'], padding], 16)
export const MkdirIn = defineStruct('mkdir_in', [['mode', 'u32'], ['umask', 'u32']], 8)
export const RenameIn = defineStruct('rename_in', [['newdir', 'u64']], 8)
export const Rename2In = defineStruct('rename2_in', [['newdir', 'u64'], ['flags', 'u32'], padding], 16)
export const LinkIn = defineStruct('link_in', [['oldnodeid', 'u64']], 8)

/** Seconds are signed: files may be older than 1970. `valid` is a set of Fattr. */
export const SetattrIn = defineStruct('setattr_in', [
  ['valid', 'u32'], padding, ['fh', 'u64'], ['size', 'u64'], ['lock_owner', 'u64'],
  ['atime', 'i64'], ['mtime', 'i64'], ['ctime', 'i64'],
  ['atimensec', 'u32'], ['mtimensec', 'u32'], ['ctimensec', 'u32'],
  ['mode', 'u32'], ['unused4', 'pad4'], ['uid', 'u32'], ['gid', 'u32'], ['unused5', 'pad4'],
], 88)

/** OPEN and OPENDIR; `open_flags` is a set of OpenFlag. */
export const OpenIn = defineStruct('open_in', [['flags', 'u32'], ['open_flags', 'u32']], 8)
/** CREATE and TMPFILE. */
export const CreateIn = defineStruct('create_in', [
  ['flags', 'u32'], ['mode', 'u32'], ['umask', 'u32'], ['open_flags', 'u32'],
], 16)
/** `backing_id` since 7.40, padding before. */
export const OpenOut = defineStruct('open_out', [['fh', 'u64'], ['open_flags', 'u32'], ['backing_id', 'i32']], 16)

export const ReleaseIn = defineStruct('release_in', [
  ['fh', 'u64'], ['flags', 'u32'], ['release_flags', 'u32'], ['lock_owner', 'u64'],
], 24)
export const FlushIn = defineStruct('flush_in', [['fh', 'u64'], ['unused', 'pad4'], padding, ['lock_owner', 'u64']], 24)

/** READ, READDIR and READDIRPLUS; in the last two `offset` is the `off` of the last entry taken. */
export const ReadIn = defineStruct('read_in', [
  ['fh', 'u64'], ['offset', 'u64'], ['size', 'u32'], ['read_flags', 'u32'], ['lock_owner', 'u64'], ['flags', 'u32'], padding,
], 40)
/** `size` bytes of data follow. */
export const WriteIn = defineStruct('write_in', [
  ['fh', 'u64'], ['offset', 'u64'], ['size', 'u32'], ['write_flags', 'u32'], ['lock_owner', 'u64'],
  ['flags', 'u32'], padding,
], 40)
export const WriteOut = defineStruct('write_out', [['size', 'u32'], padding], 8)

export const StatfsOut = defineStruct('statfs_out', kstatfs, 80)

export const FsyncIn = defineStruct('fsync_in', [['fh', 'u64'], ['fsync_flags', 'u32'], padding], 16)

/** The name and `size` bytes of value follow. With SETXATTR_EXT negotiated; without it the wire has SetxattrInShort. */
export const SetxattrIn = defineStruct('setxattr_in', [
  ['size', 'u32'], ['flags', 'u32'], ['setxattr_flags', 'u32'], padding,
], 16)

const setxattrShort = defineStruct('setxattr_in', [['size', 'u32'], ['flags', 'u32']], 8)
/** FUSE_COMPAT_SETXATTR_IN_SIZE: the first 8 bytes only. Decodes to the shape of the long one. */
export const SetxattrInShort: typeof SetxattrIn = {
  ...setxattrShort,
  decode: (words, offset) => ({ ...setxattrShort.decode(words, offset), setxattr_flags: 0 }),
}

/** GETXATTR (the name follows) and LISTXATTR; `size` 0 asks for the length only. */
export const GetxattrIn = defineStruct('getxattr_in', [['size', 'u32'], padding], 8)
export const GetxattrOut = defineStruct('getxattr_out', [['size', 'u32'], padding], 8)

/** GETLK, SETLK and SETLKW. `owner` is a 64-bit hash; the nearest double still tells owners apart. */
export const LkIn = defineStruct('lk_in', [['fh', 'u64'], ['owner', 'u64'], ...lock, ['lk_flags', 'u32'], padding], 48)
export const LkOut = defineStruct('lk_out', lock, 24)

export const AccessIn = defineStruct('access_in', [['mask', 'u32'], padding], 8)

/** The first 16 bytes of fuse_init_in: all that kernels before 7.36 send. */
export const InitInShort = defineStruct('init_in', [
  ['major', 'u32'], ['minor', 'u32'], ['max_readahead', 'u32'], ['flags', 'u32'],
], 16)
export const InitIn = defineStruct('init_in', [
  ['major', 'u32'], ['minor', 'u32'], ['max_readahead', 'u32'], ['flags', 'u32'], ['flags2', 'u32'],
  padding, padding, padding, padding, padding, padding, padding, padding, padding, padding, padding,
], 64)
export const InitOut = defineStruct('init_out', [
  ['major', 'u32'], ['minor', 'u32'], ['max_readahead', 'u32'], ['flags', 'u32'],
  ['max_background', 'u16'], ['congestion_threshold', 'u16'], ['max_write', 'u32'], ['time_gran', 'u32'],
  ['max_pages', 'u16'], ['map_alignment', 'u16'], ['flags2', 'u32'], ['max_stack_depth', 'u32'], ['request_timeout', 'u16'],
  ['unused', 'pad2'], padding, padding, padding, padding, padding,
], 64)

/** `unique` of the request that is interrupted. */
export const InterruptIn = defineStruct('interrupt_in', [['unique', 'u64']], 8)

export const BmapIn = defineStruct('bmap_in', [['block', 'u64'], ['blocksize', 'u32'], padding], 16)
export const BmapOut = defineStruct('bmap_out', [['block', 'u64']], 8)

/** `in_size` bytes follow. */
export const IoctlIn = defineStruct('ioctl_in', [
  ['fh', 'u64'], ['flags', 'u32'], ['cmd', 'u32'], ['arg', 'u64'], ['in_size', 'u32'], ['out_size', 'u32'],
], 32)
export const IoctlOut = defineStruct('ioctl_out', [
  ['result', 'i32'], ['flags', 'u32'], ['in_iovs', 'u32'], ['out_iovs', 'u32'],
], 16)

export const PollIn = defineStruct('poll_in', [['fh', 'u64'], ['kh', 'u64'], ['flags', 'u32'], ['events', 'u32']], 24)
export const PollOut = defineStruct('poll_out', [['revents', 'u32'], padding], 8)

export const FallocateIn = defineStruct('fallocate_in', [
  ['fh', 'u64'], ['offset', 'u64'], ['length', 'u64'], ['mode', 'u32'], padding,
], 32)

export const InHeader = defineStruct('in_header', [
  ['len', 'u32'], ['opcode', 'u32'], ['unique', 'u64'], ['nodeid', 'u64'],
  ['uid', 'u32'], ['gid', 'u32'], ['pid', 'u32'], ['total_extlen', 'u16'], ['padding', 'pad2'],
], 40)
export const OutHeader = defineStruct('out_header', [['len', 'u32'], ['error', 'i32'], ['unique', 'u64']], 16)

/** `namelen` bytes of name follow, then zeros up to a multiple of 8. */
export const Dirent = defineStruct('dirent', [['ino', 'u64'], ['off', 'u64'], ['namelen', 'u32'], ['type', 'u32']], 24)

export const NotifyInvalInodeOut = defineStruct('notify_inval_inode_out', [
  ['ino', 'u64'], ['off', 'i64'], ['len', 'i64'],
], 24)
export const NotifyInvalEntryOut = defineStruct('notify_inval_entry_out', [
  ['parent', 'u64'], ['namelen', 'u32'], ['flags', 'u32'],
], 16)
export const NotifyDeleteOut = defineStruct('notify_delete_out', [
  ['parent', 'u64'], ['child', 'u64'], ['namelen', 'u32'], padding,
], 24)

/** `offset` is an i64: SEEK_DATA and SEEK_HOLE take it from the caller as it is. */
export const LseekIn = defineStruct('lseek_in', [['fh', 'u64'], ['offset', 'i64'], ['whence', 'u32'], padding], 24)
/** Also the answer to COPY_FILE_RANGE_64. */
export const LseekOut = defineStruct('lseek_out', [['offset', 'u64']], 8)

/** COPY_FILE_RANGE and COPY_FILE_RANGE_64. */
export const CopyFileRangeIn = defineStruct('copy_file_range_in', [
  ['fh_in', 'u64'], ['off_in', 'u64'], ['nodeid_out', 'u64'], ['fh_out', 'u64'], ['off_out', 'u64'],
  ['len', 'u64'], ['flags', 'u64'],
], 56)

export const SyncfsIn = defineStruct('syncfs_in', [padding, padding], 8)

/** What a structure decodes to: `InOf<typeof SetattrIn>`. */
export type InOf<S> = S extends Struct<infer T> ? T : never
