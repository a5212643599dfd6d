/** Files and directories that are open and have no name any more. */
import { hardlink } from '../../helpers/tree.js'
import type { Row } from '../row.js'

const STALE = { 'fuse-overlayfs': 'calls on descriptors go by name', overlayfs: 'link count of, and changes to, a removed lower file' } as const

export const unlinkedRows: readonly Row[] = [
  {
    name: 'a lower file open for reading and removed',
    given: { L1: { f: 'lower' } },
    steps: [['open', 'f', 'f', 'RDONLY'], ['unlink', 'f'], ['fread', 'f', 0, 9, 'lower'], ['fstat', 'f', { nlink: 0, size: 5 }], ['reopen', 'g', 'f', 'RDONLY'], ['fread', 'g', 0, 9, 'lower'], ['write', 'f', 'other'], ['fread', 'f', 0, 9, 'lower'], ['fread', 'g', 0, 9, 'lower'], ['dropcaches'], ['fread', 'f', 0, 9, 'lower']],
    merged: { f: 'other' },
    top: { aufs: ['f'] },
    differs: { ...STALE },
  },
  {
    name: 'a lower file open for writing, removed, then written',
    given: { L1: { f: 'lower' } },
    steps: [['open', 'f', 'f', 'RDWR'], ['unlink', 'f'], ['fpwrite', 'f', 0, 'W'], ['fread', 'f', 0, 9, 'Wower'], ['ftruncate', 'f', 2], ['fstat', 'f', { nlink: 0, size: 2 }], ['fchmod', 'f', 0o600], ['fchown', 'f', 3, 4], ['futimes', 'f', 5, 6], ['fsetxattr', 'f', 'user.a', 'A'], ['fgetxattr', 'f', 'user.a', 'A'],
      ['fstat', 'f', { mode: 0o600, uid: 3, gid: 4, mtime: 6 }], ['reopen', 'g', 'f', 'RDWR'], ['fpwrite', 'g', 1, 'X'], ['fread', 'f', 0, 9, 'WX'], ['fsync', 'f'], ['readdir', '.', []]],
    merged: {},
    top: { aufs: ['.wh.f'] },
    differs: { ...STALE },
  },
  {
    name: 'a lower file open for reading, removed, then changed through the descriptor',
    given: { L1: { f: 'lower' } },
    steps: [['open', 'f', 'f', 'RDONLY'], ['unlink', 'f'], ['fchmod', 'f', 0o600], ['fstat', 'f', { mode: 0o600, nlink: 0 }], ['fread', 'f', 0, 9, 'lower'], ['reopen', 'w', 'f', 'RDWR|TRUNC'], ['fwrite', 'w', 'n'], ['fread', 'f', 0, 9, 'n']],
    merged: {},
    top: { aufs: ['.wh.f'] },
    differs: { ...STALE },
  },
  {
    name: 'a new file open and removed',
    given: { L1: { d: {} } },
    steps: [['open', 'f', 'd/f', 'RDWR|CREAT'], ['fwrite', 'f', 'new'], ['unlink', 'd/f'], ['rmdir', 'd'], ['fwrite', 'f', 'er'], ['fread', 'f', 0, 9, 'newer'], ['fstat', 'f', { nlink: 0, size: 5 }], ['dropcaches'], ['reopen', 'g', 'f', 'RDONLY'], ['fread', 'g', 0, 9, 'newer'], ['fallocate', 'f', '', 0, 100], ['fstat', 'g', { size: 100 }]],
    merged: {},
    top: { aufs: ['.wh.d'] },
    differs: { ...STALE },
  },
  {
    name: 'a lower file open, removed with its whole tree, then written',
    given: { L1: { a: { b: { f: 'lower' } } } },
    steps: [['open', 'f', 'a/b/f', 'RDWR'], ['exec', 'rm', '-r', 'a'], ['fpwrite', 'f', 0, 'N'], ['fread', 'f', 0, 9, 'Nower'], ['fchmod', 'f', 0o640], ['fstat', 'f', { nlink: 0, mode: 0o640 }]],
    merged: {},
    top: { aufs: ['.wh.a'] },
    differs: { ...STALE },
  },
  {
    name: 'a file replaced by a rename while it is open',
    given: { L1: { f: 'old', g: 'new' } },
    steps: [['open', 'f', 'f', 'RDWR'], ['rename', 'g', 'f'], ['fpwrite', 'f', 0, 'O'], ['fread', 'f', 0, 9, 'Old'], ['read', 'f', 'new'], ['fstat', 'f', { nlink: 0 }]],
    merged: { f: 'new' },
    top: { aufs: ['.wh.g', 'f'] },
    differs: { ...STALE },
  },
  {
    name: 'what is written to a file whose one lower name is gone is seen by the other, also after a remount',
    given: { L1: { a: 'A', b: hardlink('a') } },
    steps: [
      ['open', 'f', 'a', 'RDWR'], ['unlink', 'a'], ['fpwrite', 'f', 0, 'New'], ['fchmod', 'f', 0o640], ['dropcaches'],
      ['read', 'b', 'New'], ['stat', 'b', { mode: 0o640, nlink: 1, ino: '=i' }], ['fstat', 'f', { size: 3, nlink: 1, ino: '=i' }],
    ],
    merged: { b: 'New' },
    differs: { ...STALE },
  },
  {
    name: 'one of two lower links removed while open',
    given: { L1: { a: 'A', b: hardlink('a') } },
    steps: [['open', 'f', 'a', 'RDWR'], ['unlink', 'a'], ['fstat', 'f', { nlink: 1 }], ['fpwrite', 'f', 0, 'N'], ['read', 'b', 'N'], ['unlink', 'b'], ['fstat', 'f', { nlink: 0 }], ['fread', 'f', 0, 9, 'N'], ['linkfd', 'f', 'c', 'ENOENT']],
    merged: {},
    differs: { ...STALE },
  },
  {
    name: 'a mapping of a removed file',
    given: { L1: { f: { type: 'file', content: 'x', times: 4096 } } },
    steps: [['mmap', 'm', 'f', 4096, 'shared', 'rw'], ['unlink', 'f'], ['mwrite', 'm', 0, 'mapped'], ['msync', 'm'], ['mread', 'm', 0, 7, 'mappedx']],
    merged: {},
    top: { aufs: ['.wh.f'] },
  },
  {
    name: 'an open directory: attributes after its removal',
    given: { L1: { d: {} }, R: { r: {} } },
    steps: [['open', 'd', 'd', 'RDONLY|DIRECTORY'], ['open', 'r', 'r', 'RDONLY|DIRECTORY'], ['rmdir', 'd'], ['rmdir', 'r'], ['fchmod', 'd', 0o711], ['fstat', 'd', { mode: 0o711, nlink: 0 }], ['fchmod', 'r', 0o711], ['fstat', 'r', { mode: 0o711, nlink: 0 }], ['futimes', 'd', 3, 4], ['fstat', 'd', { mtime: 4 }], ['openat', 'n', 'd', '.', 'RDONLY']],
    merged: {},
    top: { aufs: ['.wh.d'] },
    differs: { ...STALE, overlayfs: 'link count and attributes of a removed lower directory' },
  },
]
