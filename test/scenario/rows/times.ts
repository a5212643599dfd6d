/** Which times an operation changes, and which it leaves. */
import { hardlink } from '../../helpers/tree.js'
import type { Row } from '../row.js'

export const timeRows: readonly Row[] = [
  {
    name: 'chmod, chown and xattrs change ctime only',
    given: { L1: { f: 'F', d: {} } },
    steps: [['stat', 'f', { ctime: '=c' }], ['chmod', 'f', 0o600], ['stat', 'f', { mtime: 'kept', atime: 'kept', ctime: '>c' }], ['chown', 'd', 1, 1], ['setxattr', 'd', 'user.a', ''], ['stat', 'd', { mtime: 'kept', atime: 'kept', ctime: 'now' }], ['stat', '.', { mtime: 'kept' }]],
    differs: { 'fuse-overlayfs': 'access times are not kept' },
  },
  {
    name: 'a write changes mtime and ctime, not atime nor the parent',
    given: { L1: { d: { f: 'F' } } },
    steps: [['append', 'd/f', '!'], ['stat', 'd/f', { mtime: 'now', ctime: 'now', atime: 'kept' }], ['stat', 'd', { mtime: 'kept' }], ['utimes', 'd/f', 1, 2], ['truncate', 'd/f', 1], ['stat', 'd/f', { mtime: 'now', atime: 1 }]],
    differs: { 'fuse-overlayfs': 'times of the parent' },
  },
  {
    name: 'utimes: exact to the nanosecond, before 1970, after 2106',
    given: { L1: { f: 'F', d: {} } },
    steps: [['utimes', 'f', -5, -1.5], ['stat', 'f', { atime: '-5000000000', mtime: '-1500000000' }], ['utimes', 'd', 4_400_000_000, 5_000_000_000.25], ['stat', 'd', { atime: '4400000000000000000', mtime: '5000000000250000000' }], ['exec', 'touch', '-d', '2020-01-02T03:04:05.123456789Z', 'f'], ['stat', 'f', { mtime: '1577934245123456789' }],
      ['exec', 'touch', '-a', 'f'], ['stat', 'f', { mtime: '1577934245123456789', atime: 'now' }], ['exec', 'touch', '-m', '-d', '@77', 'f'], ['stat', 'f', { mtime: 77, atime: 'now' }]],
    differs: { 'fuse-overlayfs': 'negative times' },
  },
  {
    name: 'utimes right after a write stays as set',
    given: { L1: { f: 'F' } },
    steps: [['open', 'w', 'f', 'WRONLY'], ['fwrite', 'w', 'new'], ['futimes', 'w', 10, 20], ['close', 'w'], ['stat', 'f', { mtime: 20 }], ['dropcaches'], ['stat', 'f', { mtime: 20 }]],
    merged: { f: 'new' },
    differs: { 'fuse-overlayfs': 'its writeback cache writes later' },
  },
  {
    name: 'create, unlink, link and mkdir change the times of the parent',
    given: { L1: { a: {}, b: { x: 'X' }, c: { x: 'X' }, d: {}, e: { x: {} } } },
    steps: [['create', 'a/n'], ['unlink', 'b/x'], ['link', 'c/x', 'c/y'], ['mkdir', 'd/n'], ['rmdir', 'e/x'], ...['a', 'b', 'c', 'd', 'e'].map((n) => ['stat', n, { mtime: 'now', ctime: 'now' }] as const), ['stat', 'c/x', { mtime: 'kept', ctime: 'now' }]],
  },
  {
    name: 'unlink of one link changes the ctime of the file, not its mtime',
    given: { L1: { a: 'A', b: hardlink('a') } },
    steps: [['stat', 'a', { ctime: '=c' }], ['unlink', 'b'], ['stat', 'a', { mtime: 'kept', nlink: 1 }]],
    differs: { 'fuse-overlayfs': 'link counts' },
  },
  {
    name: 'reading changes no lower atime',
    limits: { user: 'reading without atime takes a private clone of the branch, which only root may make' },
    given: { L1: { f: 'F', d: { x: 'X' } } },
    only: 'tsaufs',
    steps: [['read', 'f', 'F'], ['readdir', 'd', ['x']], ['read', 'd/x', 'X'], ['stat', '@L1/f', { atime: 'kept' }], ['stat', '@L1/d', { atime: 'kept' }], ['stat', '@L1/d/x', { atime: 'kept' }]],
  },
  {
    name: 'times go on within one listing: stat, listing and fstat agree',
    given: { L1: { f: 'F' } },
    steps: [['open', 'f', 'f', 'RDWR'], ['fstat', 'f', { mtime: '=m' }], ['stat', 'f', { mtime: '=m' }], ['fpwrite', 'f', 0, 'x'], ['fstat', 'f', { mtime: '=n' }], ['stat', 'f', { mtime: '=n' }], ['dropcaches'], ['stat', 'f', { mtime: '=n' }]],
    differs: { 'fuse-overlayfs': 'the writeback cache has its own mtime' },
  },
]
