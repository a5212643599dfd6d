/** The compiled numbers, against those node was compiled with and those the protocol fixes. */
import os from 'node:os'
import fs from 'node:fs'
import t from 'tap'
import { constant, sys } from './sandbox.js'

t.test('errno and signals are those of node', async t => {
  for (const [name, value] of Object.entries({ ...os.constants.errno, SIGTERM: os.constants.signals.SIGTERM })) {
    t.equal(sys.constants[name], value, name)
  }
})

t.test('an alias comes after its name', async t => {
  const names = Object.keys(sys.constants)
  t.ok(names.indexOf('EAGAIN') < names.indexOf('EWOULDBLOCK'))
  t.ok(names.indexOf('EOPNOTSUPP') < names.indexOf('ENOTSUP'))
})

t.test('open flags and modes are those of node', async t => {
  for (const [name, value] of Object.entries(fs.constants)) {
    if (/^(O_|S_I|[FRWX]_OK)/.test(name) && name !== 'O_SYMLINK') t.equal(sys.constants[name], value, name)
  }
})

t.test('numbers of the ABI', async t => {
  const known = {
    AT_FDCWD: -100, AT_EMPTY_PATH: 0x1000, AT_SYMLINK_NOFOLLOW: 0x100, MNT_DETACH: 2, UMOUNT_NOFOLLOW: 8, RENAME_EXCHANGE: 2,
    RENAME_WHITEOUT: 4, UTIME_NOW: 0x3fffffff, UTIME_OMIT: 0x3ffffffe, SEEK_DATA: 3, SEEK_HOLE: 4, XATTR_CREATE: 1,
    FALLOC_FL_PUNCH_HOLE: 2, DT_WHT: 14, FS_IOC_GETFLAGS: 0x80086601, FS_IOC_SETFLAGS: 0x40086602,
    FS_IOC_GETVERSION: 0x80087601, FS_IOC_FSGETXATTR: 0x801c581f, FS_IOC_FSSETXATTR: 0x401c5820, LOCK_EX: 2,
    FUSE_LOOKUP: 1, FUSE_STATX: 52, FUSE_COPY_FILE_RANGE_64: 53, FUSE_PASSTHROUGH: 2 ** 37, FUSE_REQUEST_TIMEOUT: 2 ** 42,
    FUSE_DEV_IOC_BACKING_OPEN: 0x4010e501, FUSE_DEV_IOC_BACKING_CLOSE: 0x4004e502, TMPFS_MAGIC: 0x01021994,
  }
  for (const [name, value] of Object.entries(known)) t.equal(constant(name), value, name)
  t.throws(() => {
    ;(sys.constants as Record<string, number>)['EPERM'] = 2
  }, 'frozen')
})

t.test('sizes of the protocol', async t => {
  const known = {
    in_header: 40, out_header: 16, attr: 88, entry_out: 128, attr_out: 104, open_out: 16, init_in: 64, init_out: 64,
    kstatfs: 80, statfs_out: 80, setattr_in: 88, read_in: 40, write_in: 40, write_out: 8,
    getattr_in: 16, mkdir_in: 8, mknod_in: 16,
    rename2_in: 16, create_in: 16, release_in: 24, flush_in: 24, fsync_in: 16, setxattr_in: 16, getxattr_in: 8,
    getxattr_out: 8, lk_in: 48, lk_out: 24, interrupt_in: 8, ioctl_in: 32, fallocate_in: 32, lseek_in: 24, lseek_out: 8,
    copy_file_range_in: 56, dirent: 24, direntplus: 152, forget_one: 16, batch_forget_in: 8, notify_inval_inode_out: 24,
    notify_inval_entry_out: 16, notify_delete_out: 24, notify_store_out: 24, syncfs_in: 8,
  }
  for (const [name, size] of Object.entries(known)) t.equal(sys.sizes[name], size, name)
})

t.test('buffers of their documented sizes', async t => {
  t.equal(sys.stat.length, 136)
  t.equal(sys.fsstat.length, 96)
})
