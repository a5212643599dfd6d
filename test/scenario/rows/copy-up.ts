/** What copy-up keeps, and what makes it happen. */
import { dir, file, symlink } from '../../helpers/tree.js'
import type { Row } from '../row.js'

export const copyUpRows: readonly Row[] = [
  {
    name: 'reading, stat, xattrs, readlink, access and listing copy nothing up',
    given: { L1: { d: { f: file('F', { xattrs: { 'user.a': 'A' } }) }, l: symlink('d') } },
    steps: [['read', 'd/f', 'F'], ['stat', 'd/f'], ['listxattr', 'd/f', ['user.a']], ['readlink', 'l', 'd'], ['access', 'd/f', 'R_OK'], ['readdir', 'd', ['f']], ['open', 'f', 'd/f', 'RDONLY'], ['fsync', 'f'], ['mmap', 'm', 'd/f', 1, 'private', 'rw'], ['mwrite', 'm', 0, 'X'],
      ['statfs', '.'], ['seek', 'f', 0, 'END', 1], ['flock', 'f', 'SH|NB']],
    merged: { d: { f: 'F' }, l: symlink('d') },
    top: { aufs: [], overlay: [] },
  },
  {
    name: 'opening for writing without writing copies nothing up',
    given: { L1: { f: 'F' } },
    steps: [['open', 'w', 'f', 'RDWR'], ['fread', 'w', 0, 9, 'F'], ['fsync', 'w'], ['close', 'w']],
    merged: { f: 'F' },
    only: 'unions',
    differs: { overlayfs: 'copies up at open', 'fuse-overlayfs': 'copies up at open', 'tsaufs-passthrough': 'copies up at open' },
    top: { aufs: [] , overlay: [] },
  },
  {
    name: 'copy-up keeps mode, owner, times, size and content; parents too',
    given: { L1: { p: dir({ q: dir({ f: file('content', { mode: 0o4751, uid: 12, gid: 34, mtime: 1_234_567_890.5 }) }, { mode: 0o3711, uid: 5, gid: 6, mtime: 1_111_111_111 }) }, { mode: 0o750, gid: 9 }) } },
    steps: [['setxattr', 'p/q/f', 'user.a', 'x'], ['stat', 'p/q/f', { mode: 0o4751, uid: 12, gid: 34, mtime: '1234567890500000000', size: 7, atime: '1234567890500000000' }], ['stat', 'p/q', { mode: 0o3711, uid: 5, gid: 6, mtime: 1_111_111_111 }], ['stat', 'p', { mode: 0o750, gid: 9, mtime: 'kept' }],
      ['stat', '.', { mtime: 'kept' }]],
    merged: { p: { q: { f: 'content' } } },
    top: { aufs: ['p', 'p/q', 'p/q/f'] },
    differs: { 'fuse-overlayfs': 'times of parents change' },
  },
  {
    name: 'number, times and links as seen before and after a copy-up',
    given: { L1: { f: 'F', d: {} } },
    steps: [['stat', 'f', { ino: '=f', dev: '=dev' }], ['stat', 'd', { ino: '=d', dev: '=dev' }], ['append', 'f', '!'], ['chmod', 'd', 0o700], ['stat', 'f', { ino: '=f', dev: '=dev', nlink: 1 }], ['stat', 'd', { ino: '=d', dev: '=dev' }], ['dropcaches'], ['stat', 'f', { ino: '=f' }], ['stat', 'd', { ino: '=d' }]],
    differs: { 'fuse-overlayfs': 'numbers are those of the branch' },
  },
  {
    name: 'truncate to something, to nothing, to more',
    given: { L1: { a: '0123456789', b: '0123456789', c: '0123456789', d: '0123456789' } },
    steps: [['truncate', 'a', 4], ['truncate', 'b', 0], ['truncate', 'c', 12], ['truncate', 'd', 10], ['read', 'a', '0123'], ['read', 'c', '0123456789\0\0'], ['truncate', 'a', -1, 'EINVAL'], ['truncate', 'a', 100], ['stat', 'a', { size: 100 }]],
  },
  {
    name: 'a file of three layers: the topmost is copied',
    given: { L1: { f: 'middle', d: { x: 'L1' } }, L2: { f: 'lowest', d: { x: 'L2', y: 'L2' } } },
    steps: [['append', 'f', '!'], ['append', 'd/x', '!'], ['append', 'd/y', '!'], ['unlink', 'f'], ['stat', 'f', 'ENOENT']],
    merged: { d: { x: 'L1!', y: 'L2!' } },
    top: { aufs: ['.wh.f', 'd', 'd/x', 'd/y'] },
  },
  {
    name: 'copy-up of special objects and symbolic links through chown and utimes',
    given: { L1: { l: symlink('target', { uid: 3 }), p: { type: 'fifo', mode: 0o622 }, e: {} } },
    steps: [['chown', 'l', 9, 9], ['readlink', 'l', 'target'], ['stat', 'l', { uid: 9, mtime: 'kept' }], ['utimes', 'p', 3, 4], ['stat', 'p', { type: 'fifo', mode: 0o622, mtime: 4 }], ['utimes', 'e', 3, 4], ['stat', 'e', { mtime: 4 }]],
    top: { aufs: ['e', 'l', 'p'] },
    differs: { 'fuse-overlayfs': 'EIO for the fifo' },
  },
  {
    name: 'several writers begin at once: one copy',
    given: { L1: { f: { type: 'file', content: '0123456789abcdef', times: 65536 } } },
    steps: [['parallel', [['pwrite', 'f', 0, 'A']], [['pwrite', 'f', 100, 'B']], [['pwrite', 'f', 200, 'C']], [['pwrite', 'f', 300, 'D']]], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', 0, 2, 'A1'], ['fread', 'r', 100, 2, 'B5'], ['fread', 'r', 200, 2, 'C9'], ['fread', 'r', 300, 2, 'Dd'],
      ['stat', 'f', { size: 1048576 }]],
    top: { aufs: ['f'] },
  },
  {
    name: 'a big file is copied whole',
    given: { L1: { f: { type: 'file', content: '0123456789abcdef', times: 2 << 20 } } },
    steps: [['chmod', 'f', 0o600], ['stat', 'f', { size: 32 << 20 }], ['open', 'r', 'f', 'RDONLY'], ['fread', 'r', (32 << 20) - 4, 9, 'cdef'], ['sha', 'f']],
  },
  {
    name: 'coo_reg: a file is copied up when it is opened for reading',
    given: { L1: { f: 'F', d: { g: 'G' } } },
    mount: 'R=rw:L1=ro+coo_reg',
    steps: [['readdir', 'd', ['g']], ['read', 'f', 'F']],
    merged: { f: 'F', d: { g: 'G' } },
  },
  {
    name: 'udba=none and a file that is replaced by another process through the union',
    given: { L1: { f: 'F' } },
    steps: [['open', 'r', 'f', 'RDONLY'], ['parallel', [['write', 'g', 'new'], ['rename', 'g', 'f']]], ['fread', 'r', 0, 9, 'F'], ['read', 'f', 'new'], ['fstat', 'r', { nlink: 0 }]],
    merged: { f: 'new' },
    top: { aufs: ['f'] },
    differs: { 'fuse-overlayfs': 'nlink', overlayfs: 'nlink of a lower file' },
  },
]
