/** Data: appending, direct, mapped, sparse, copied, locked. */
import { file } from '../../helpers/tree.js'
import type { Step } from '../../helpers/steps.js'
import type { Row } from '../row.js'

const line = (c: string): string => `${c.repeat(99)}\n`

export const ioRows: readonly Row[] = [
  {
    name: 'O_APPEND by several processes at once loses nothing',
    given: { L1: { log: '' } },
    steps: [['parallel', ...['a', 'b', 'c'].map((c) => [['open', 'f', 'log', 'WRONLY|APPEND'], ['repeat', 100, [['fwrite', 'f', line(c)]]]])], ['stat', 'log', { size: 30_000 }], ['exec', 'sh', '-c', 'test $(grep -cE "^(a{99}|b{99}|c{99})$" log) = 300']],
    unlikePlain: 'the order of the lines',
  },
  {
    name: 'O_APPEND through descriptors opened before the copy-up',
    given: { L1: { f: 'F' } },
    steps: [['open', 'a', 'f', 'WRONLY|APPEND'], ['open', 'b', 'f', 'WRONLY|APPEND'], ['fwrite', 'a', '1'], ['fwrite', 'b', '2'], ['fwrite', 'a', '3'], ['fpwrite', 'a', 0, '4'], ['read', 'f', 'F1234']],
    merged: { f: 'F1234' },
    differs: { 'fuse-overlayfs': 'a descriptor of its own file' },
  },
  {
    name: 'a file that was open before is the same when opened again: renamed over, removed and made anew, linked',
    given: { R: { a: 'A', b: 'B', c: 'C' } },
    steps: [...['a', 'b', 'c'].flatMap((n): Step[] => [['open', n, n, 'RDWR'], ['fread', n, 0, 1, n.toUpperCase()], ['close', n]]),
      ['rename', 'a', 'b'], ['open', 'x', 'b', 'RDWR'], ['fread', 'x', 0, 2, 'A'], ['fpwrite', 'x', 1, '2'], ['close', 'x'], ['read', 'b', 'A2'],
      ['unlink', 'c'], ['write', 'c', 'new'], ['open', 'y', 'c', 'RDWR'], ['fread', 'y', 0, 4, 'new'], ['close', 'y'],
      ['link', 'c', 'd'], ['open', 'z', 'd', 'RDWR'], ['fpwrite', 'z', 3, '!'], ['close', 'z'], ['open', 'w', 'c', 'RDONLY'], ['fread', 'w', 0, 9, 'new!'],
      ['truncate', 'c', 1], ['fread', 'w', 0, 9, 'n']],
    merged: { b: 'A2', c: 'n', d: 'n' },
  },
  {
    name: 'O_DIRECT reads and writes',
    given: { L1: { f: { type: 'file', content: 'x', times: 8192 } } },
    steps: [['dread', 'f', 4096, 4096, 'x'.repeat(4096)], ['dwrite', 'f', 4096, 4096, 'y', 4096], ['dread', 'f', 4096, 4096, 'y'.repeat(4096)], ['dwrite', 'new', 0, 8192, 'z', 8192], ['stat', 'new', { size: 8192 }], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', 4094, 4, 'xxyy']],
  },
  {
    name: 'O_DIRECT and the page cache see each other',
    given: { L1: { f: { type: 'file', content: 'x', times: 4096 } } },
    steps: [['sha', 'f'], ['dwrite', 'f', 0, 4096, 'y', 4096], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', 0, 3, 'yyy'], ['pwrite', 'f', 0, 'zz'], ['open', 'd', 'f', 'RDONLY'], ['dread', 'f', 0, 4096, `zz${'y'.repeat(4094)}`]],
  },
  {
    name: 'a shared mapping is written to the file and seen by read, and the other way round',
    given: { L1: { f: { type: 'file', content: 'x', times: 8192 } } },
    steps: [['mmap', 'm', 'f', 8192, 'shared', 'rw'], ['mwrite', 'm', 10, 'mapped'], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', 10, 6, 'mapped'], ['pwrite', 'f', 20, 'written'], ['mread', 'm', 20, 7, 'written'], ['msync', 'm'], ['mwrite', 'm', 4096, 'second'], ['munmap', 'm'], ['dropcaches'], ['fread', 'r', 4096, 6, 'second']],
    top: { aufs: ['f'] },
    differs: { 'fuse-overlayfs': 'mapping and writeback' },
  },
  {
    name: 'a read-only shared mapping made before the copy-up sees what is written',
    given: { L1: { f: { type: 'file', content: 'x', times: 4096 } } },
    steps: [['mmap', 'm', 'f', 4096, 'shared', 'r'], ['mread', 'm', 0, 3, 'xxx'], ['pwrite', 'f', 0, 'new'], ['mread', 'm', 0, 3, 'new'], ['sha', 'f']],
    differs: { overlayfs: 'the mapping stays on the lower file', 'fuse-overlayfs': 'two inodes' },
  },
  {
    name: 'a private mapping changes nothing',
    given: { L1: { f: { type: 'file', content: 'x', times: 4096 } } },
    steps: [['mmap', 'm', 'f', 4096, 'private', 'rw'], ['mwrite', 'm', 0, 'mine'], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', 0, 4, 'xxxx'], ['mread', 'm', 0, 5, 'minex'], ['munmap', 'm'], ['fread', 'r', 0, 4, 'xxxx']],
    top: { aufs: [] },
  },
  {
    name: 'fallocate: grow, keep size, punch, zero',
    given: { L1: { f: { type: 'file', content: 'x', times: 65536 } }, R: { r: { type: 'file', content: 'y', times: 65536 } } },
    steps: [['open', 'f', 'f', 'RDWR'], ['fallocate', 'f', '', 65536, 4096], ['fstat', 'f', { size: 69632 }], ['fallocate', 'f', 'KEEP_SIZE', 100_000, 4096], ['fstat', 'f', { size: 69632 }], ['fallocate', 'f', 'PUNCH_HOLE|KEEP_SIZE', 4096, 8192], ['fread', 'f', 4095, 3, 'x\0\0'],
      ['fread', 'f', 12287, 2, '\0x'], ['open', 'r', 'r', 'RDWR'], ['fallocate', 'r', 'ZERO', 1, 5], ['fread', 'r', 0, 7, 'y\0\0\0\0\0y'], ['fallocate', 'r', 'PUNCH_HOLE', 0, 10, 'EOPNOTSUPP'], ['fallocate', 'r', 'PUNCH_HOLE|KEEP_SIZE', 0, 65536], ['fstat', 'r', { size: 65536, blocks: '<9' }], ['open', 'o', 'r', 'RDONLY'],
      ['fallocate', 'o', '', 0, 1, 'EBADF'], ['fallocate', 'f', '', 0, 0, 'EINVAL']],
    differs: { 'fuse-overlayfs': 'does not pass modes on' },
  },
  {
    name: 'fallocate: collapse and insert as the kernel lets FUSE have them',
    given: { R: { f: { type: 'file', content: 'x', times: 16384 } } },
    only: 'tsaufs',
    steps: [['open', 'f', 'f', 'RDWR'], ['fallocate', 'f', 'COLLAPSE', 0, 4096, 'EOPNOTSUPP'], ['fallocate', 'f', 'INSERT', 0, 4096, 'EOPNOTSUPP'], ['fstat', 'f', { size: 16384 }]],
  },
  {
    name: 'SEEK_HOLE and SEEK_DATA in a lower file and its copy',
    given: { L1: { f: { type: 'file', data: [[0, 'head'], [1 << 20, 'middle']], size: 4 << 20 } } },
    steps: [['open', 'f', 'f', 'RDWR'], ['seek', 'f', 0, 'DATA', 0], ['seek', 'f', 0, 'HOLE', 4096], ['seek', 'f', 8192, 'DATA', 1 << 20], ['seek', 'f', 1 << 20, 'HOLE', (1 << 20) + 4096], ['seek', 'f', 2 << 20, 'DATA', 'ENXIO'], ['fpwrite', 'f', 3 << 20, 'late'], ['fsync', 'f'], ['seek', 'f', 8192, 'DATA', 1 << 20], ['seek', 'f', 2 << 20, 'DATA', 3 << 20],
      ['seek', 'f', 5 << 20, 'DATA', 'ENXIO'], ['seek', 'f', 0, 'END', 4 << 20]],
    differs: { 'fuse-overlayfs': 'holes in steps of its own', overlayfs: 'copies in pieces of a mebibyte' },
  },
  {
    name: 'copy_file_range within and between files',
    given: { L1: { a: '0123456789', b: 'bbbbbbbbbb' }, R: { c: '' } },
    steps: [['open', 'a', 'a', 'RDONLY'], ['open', 'b', 'b', 'RDWR'], ['open', 'c', 'c', 'RDWR'], ['copyrange', 'a', 'c', 100, 2, 0, 8], ['copyrange', 'a', 'b', 4, 0, 3, 4], ['copyrange', 'b', 'c', 10, 0, 8, 10], ['read', 'c', '23456789bbb0123bbb'], ['read', 'b', 'bbb0123bbb'], ['copyrange', 'a', 'a', 1, 0, 5, 'EBADF']],
    merged: { a: '0123456789', b: 'bbb0123bbb', c: '23456789bbb0123bbb' },
  },
  {
    name: 'sendfile and cp --sparse and --reflink=auto',
    given: { L1: { f: { type: 'file', data: [[100_000, 'data']], size: 300_000 } } },
    steps: [['open', 'i', 'f', 'RDONLY'], ['open', 'o', 'g', 'WRONLY|CREAT'], ['sendfile', 'o', 'i', 300_000, 300_000], ['exec', 'cp', '--sparse=always', 'f', 'h'], ['exec', 'cmp', 'f', 'g'], ['exec', 'cmp', 'f', 'h'], ['stat', 'h', { blocks: '<100' }]],
  },
  {
    name: 'writing beyond the end leaves zeros',
    given: { L1: { f: 'F' } },
    steps: [['pwrite', 'f', 5, 'x'], ['read', 'f', 'F\0\0\0\0x'], ['truncate', 'f', 2], ['truncate', 'f', 6], ['read', 'f', 'F\0\0\0\0\0'], ['pwrite', 'f', 5_000_000_000, 'far'], ['stat', 'f', { size: 5_000_000_003 }], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', 5_000_000_000, 9, 'far'], ['fread', 'r', 4_999_999_999, 2, '\0f']],
  },
  {
    name: 'O_TRUNC and O_EXCL and O_NOFOLLOW and O_DIRECTORY',
    given: { L1: { f: 'F', l: { type: 'symlink', target: 'f' }, d: {} } },
    steps: [['open', 'a', 'l', 'RDONLY|NOFOLLOW', 'ELOOP'], ['open', 'a', 'f', 'RDONLY|DIRECTORY', 'ENOTDIR'], ['open', 'a', 'f', 'RDWR|CREAT|EXCL', 'EEXIST'], ['open', 'a', 'd', 'RDWR', 'EISDIR'], ['open', 'a', 'l', 'RDONLY|PATH|NOFOLLOW'], ['fstat', 'a', { type: 'symlink' }], ['open', 'b', 'f', 'RDWR|TRUNC'], ['fstat', 'b', { size: 0 }],
      ['open', 'c', 'f', 'WRONLY'], ['fread', 'c', 0, 1, 'EBADF'], ['open', 'e', 'f', 'RDONLY'], ['fwrite', 'e', 'x', 'EBADF'], ['open', 'x', 'd/', 'RDONLY'], ['open', 'y', 'f/', 'RDONLY', 'ENOTDIR'], ['open', 'z', 'new/', 'WRONLY|CREAT', 'EISDIR']],
    merged: { f: '', l: { type: 'symlink' }, d: {} },
  },
  {
    name: 'flock and record locks, across the copy-up',
    given: { L1: { f: 'F' } },
    steps: [['open', 'a', 'f', 'RDWR'], ['open', 'b', 'f', 'RDWR'], ['flock', 'a', 'EX|NB'], ['flock', 'b', 'EX|NB', 'EAGAIN'], ['append', 'f', '!'], ['flock', 'b', 'SH|NB', 'EAGAIN'], ['flock', 'a', 'UN'], ['flock', 'b', 'EX|NB'], ['setlk', 'a', 'WRITE', 0, 10],
      ['parallel', [['setlk', 'b', 'READ', 5, 1, 'EAGAIN'], ['setlk', 'b', 'READ', 10, 1]]], ['open', 'c', 'f', 'RDWR'], ['flock', 'c', 'SH|NB', 'EAGAIN']],
    differs: { 'fuse-overlayfs': 'two inodes' },
  },
  {
    name: 'many small writes and reads back through another descriptor',
    given: { L1: { f: '' } },
    steps: [['open', 'w', 'f', 'WRONLY'], ['open', 'r', 'f', 'RDONLY'], ['repeat', 200, [['fwrite', 'w', 'abc']]], ['fread', 'r', 597, 9, 'abc'], ['fstat', 'r', { size: 600 }], ['stat', 'f', { size: 600 }], ['fdatasync', 'w'], ['syncfs', 'w']],
    differs: { 'fuse-overlayfs': 'the descriptor stays on the lower file' },
  },
  {
    name: 'one large write and read',
    given: { L1: { d: {} } },
    steps: [['fill', 'd/f', 20_000_000, 'q'], ['stat', 'd/f', { size: 20_000_000 }], ['exec', 'sh', '-c', 'test $(tr -d q < d/f | wc -c) = 0'], ['dropcaches'], ['sha', 'd/f']],
  },
  {
    name: 'ENOSPC while writing and creating on a full branch, then room again',
    given: { L1: { a: 'A' } },
    tmpfs: '2m',
    limits: { user: 'only root mounts a tmpfs' },
    only: 'unions',
    steps: [['fill', 'big', 4 << 20, 'x', 'ENOSPC'], ['append', 'a', '!', 'ENOSPC'], ['read', 'a', 'A'], ['unlink', 'big'], ['append', 'a', '!'], ['read', 'a', 'A!']],
    merged: { a: 'A!' },
    differs: { 'fuse-overlayfs': 'its writeback cache' },
  },
  {
    name: 'ETXTBSY: a running program cannot be written',
    given: { L1: { s: file('x', { mode: 0o755 }) } },
    steps: [['exec', 'cp', '/bin/sleep', 'prog'], ['parallel', [['exec', './prog', '1']], [['exec', 'sleep', '0.3'], ['append', 'prog', 'x', 'ETXTBSY']]]],
  },
]
