/** Permissions: as the plain directory gives and refuses. */
import { dir, file } from '../../helpers/tree.js'
import type { Row } from '../row.js'

const alice = { uid: 1000, gid: 1000 }
const bob = { uid: 1001, gid: 1001 }

export const permRows: readonly Row[] = [
  {
    name: 'reading and writing of others\' files is refused, nothing is copied up',
    given: { L1: { f: file('F', { mode: 0o600 }), d: dir({ x: 'X' }, { mode: 0o700 }), g: file('G', { mode: 0o444 }) } },
    steps: [['as', alice, [['read', 'f', 'EACCES'], ['append', 'f', 'x', 'EACCES'], ['append', 'g', 'x', 'EACCES'], ['chmod', 'g', 0o777, 'EPERM'], ['chown', 'g', 1000, 1000, 'EPERM'], ['utimes', 'g', 1, 2, 'EPERM'], ['truncate', 'g', 0, 'EACCES'],
      ['stat', 'd/x', 'EACCES'], ['readdir', 'd', 'EACCES'], ['unlink', 'g', 'EACCES'], ['rename', 'g', 'h', 'EACCES'], ['mkdir', 'n', 'EACCES'], ['link', 'g', 'h', 'EPERM'], ['removexattr', 'g', 'user.x', 'EACCES'], ['access', 'g', 'R_OK'], ['access', 'g', 'W_OK', 'EACCES']]]],
    top: { aufs: [] },
    differs: { 'fuse-overlayfs': 'other errno' },
  },
  {
    name: 'what a user creates is the user\'s',
    given: { L1: { t: dir({}, { mode: 0o1777 }), g: dir({}, { mode: 0o2777, gid: 50 }) } },
    steps: [['as', alice, [['umask', 0o002], ['write', 't/f', 'F'], ['mkdir', 't/d'], ['symlink', 'x', 't/l'], ['mknod', 't/p', 'fifo'], ['write', 'g/f', 'F'], ['mkdir', 'g/d'], ['mknod', 't/c', 'char:1:3', 'EPERM'], ['link', 't/f', 't/f2']]],
      ['stat', 't/f', { uid: 1000, gid: 1000, mode: 0o664 }], ['stat', 't/d', { uid: 1000, gid: 1000, mode: 0o775 }], ['stat', 't/l', { uid: 1000, gid: 1000 }], ['stat', 't/p', { uid: 1000, mode: 0o664 }], ['stat', 'g/f', { uid: 1000, gid: 50 }], ['stat', 'g/d', { uid: 1000, gid: 50, mode: 0o2775 }]],
    differs: { 'fuse-overlayfs': 'hard links' },
  },
  {
    name: 'sticky directory: only the owner removes and renames',
    given: { L1: { t: dir({ a: file('A', { ...alice, mode: 0o666 }), b: file('B', { ...bob, mode: 0o666 }), d: dir({}, bob) }, { mode: 0o1777 }) } },
    steps: [['as', bob, [['unlink', 't/a', 'EPERM'], ['rename', 't/a', 't/c', 'EPERM'], ['rename', 't/b', 't/a', 'EPERM'], ['append', 't/a', '!'], ['unlink', 't/b'], ['rename', 't/d', 't/e'], ['rmdir', 't/e']]], ['as', alice, [['rename', 't/a', 't/c'], ['unlink', 't/c']]]],
    merged: { t: {} },
    differs: { 'fuse-overlayfs': 'EXDEV for the directory' },
  },
  {
    name: 'the sticky bit of the root directory of a row is honoured for whiteouts',
    given: { L1: { t: dir({ f: file('F', bob) }, { mode: 0o1777 }) } },
    steps: [['as', alice, [['unlink', 't/f', 'EPERM']]], ['as', bob, [['unlink', 't/f'], ['write', 't/f', 'again']]], ['stat', 't/f', { uid: 1001 }]],
    merged: { t: { f: 'again' } },
  },
  {
    name: 'supplementary groups count',
    given: { L1: { g: dir({ f: file('F', { gid: 77, mode: 0o660 }) }, { gid: 77, mode: 0o2770 }) } },
    steps: [['as', alice, [['read', 'g/f', 'EACCES']]], ['as', { ...alice, groups: [77] }, [['append', 'g/f', '!'], ['write', 'g/n', 'N'], ['mkdir', 'g/d'], ['chmod', 'g/n', 0o2755]]], ['stat', 'g/n', { gid: 77, mode: 0o2755 }], ['stat', 'g/d', { gid: 77, mode: 0o2755 }]],
    merged: { g: { f: 'F!', n: 'N', d: {} } },
    differs: { 'fuse-overlayfs': 'setgid directories lose the bit' },
  },
  {
    name: 'setgid is dropped where the user is not of the group',
    given: { L1: { f: file('F', { uid: 1000, gid: 77, mode: 0o755 }), t: dir({}, { mode: 0o2777, gid: 77 }) } },
    steps: [['as', alice, [['chmod', 'f', 0o2755], ['umask', 0], ['create', 't/n', 0o2755]]], ['stat', 'f', { mode: 0o755 }], ['stat', 't/n', { mode: 0o755, gid: 77 }]],
    differs: { 'fuse-overlayfs': 'setgid directories lose the bit' },
  },
  {
    name: 'suid and sgid go when a user writes, truncates or changes the owner',
    given: { L1: Object.fromEntries(['w', 't', 'o', 'a', 'l', 'm'].map((n) => [n, file('F', { ...alice, mode: n === 'm' ? 0o2666 : 0o6777 })])) },
    steps: [['as', { ...alice, groups: [77] }, [['pwrite', 'w', 0, 'x'], ['truncate', 't', 0], ['chown', 'o', 1000, 77], ['open', 'f', 'a', 'WRONLY|TRUNC'], ['open', 'g', 'l', 'RDWR'], ['fallocate', 'g', '', 0, 10], ['append', 'm', 'x']]],
      ['stat', 'w', { mode: 0o777 }], ['stat', 't', { mode: 0o777 }], ['stat', 'o', { mode: 0o777, gid: 77 }], ['stat', 'm', { mode: 0o2666 }]],
    differs: { 'fuse-overlayfs': 'keeps them' },
  },
  {
    name: 'setgid without the right to execute goes when somebody of another group changes the file',
    given: { L1: Object.fromEntries(['w', 't', 'o', 'c', 'l', 'm'].map((n) => [n, file('F', { ...alice, gid: n === 'm' ? 1000 : 77, mode: 0o2666 })])) },
    steps: [['as', alice, [['pwrite', 'w', 0, 'x'], ['truncate', 't', 0], ['open', 'f', 'o', 'WRONLY|TRUNC'], ['chown', 'c', 1000, 1000], ['open', 'g', 'l', 'RDWR'], ['fallocate', 'g', '', 0, 10], ['append', 'm', 'x']]],
      ...['w', 't', 'o', 'c', 'l'].map((n) => ['stat', n, { mode: 0o666 }] as const), ['stat', 'm', { mode: 0o2666 }]],
    differs: { 'fuse-overlayfs': 'keeps it' },
  },
  {
    name: 'who is not the owner cannot take suid away by chown with neither id',
    given: { L1: { s: file('F', { mode: 0o4755 }), g: file('F', { mode: 0o2755 }), f: file('F') } },
    steps: [['as', alice, [['chown', 's', -1, -1, 'EPERM'], ['chown', 'g', -1, -1, 'EPERM'], ['chown', 'f', -1, -1]]], ['stat', 's', { mode: 0o4755 }], ['stat', 'g', { mode: 0o2755 }],
      ['chown', 's', -1, -1], ['stat', 's', { mode: 0o755 }]],
    differs: { 'fuse-overlayfs': 'takes it away' },
  },
  {
    name: 'suid given between two opens goes when a user writes through the second',
    given: { R: { f: file('F', { ...alice, mode: 0o666 }) } },
    steps: [['open', 'a', 'f', 'RDWR'], ['fwrite', 'a', '1'], ['close', 'a'], ['chmod', 'f', 0o6777],
      ['as', { ...alice, groups: [] }, [['open', 'b', 'f', 'RDWR'], ['fwrite', 'b', '2']]], ['stat', 'f', { mode: 0o777 }]],
    differs: { 'fuse-overlayfs': 'keeps it' },
  },
  {
    name: 'root keeps suid when writing, loses it when changing the owner',
    given: { L1: { w: file('F', { mode: 0o6755 }), o: file('F', { mode: 0o6755 }) } },
    steps: [['append', 'w', 'x'], ['chown', 'o', 5, 5], ['stat', 'w', { mode: 0o6755 }], ['stat', 'o', { mode: 0o755 }]],
    differs: { 'fuse-overlayfs': 'drops them' },
  },
  {
    name: 'a user changes attributes of own lower files',
    given: { L1: { f: file('F', { ...alice, mode: 0o600 }), d: dir({}, alice) } },
    steps: [['as', alice, [['chmod', 'f', 0o640], ['utimes', 'f', 10, 20], ['setxattr', 'f', 'user.a', 'A'], ['chown', 'f', 1001, -1, 'EPERM'], ['chown', 'f', -1, 1000], ['chmod', 'd', 0o700], ['write', 'd/x', 'X'], ['rename', 'd/x', 'd/y'], ['unlink', 'd/y']]],
      ['stat', 'f', { uid: 1000, mode: 0o640 }], ['stat', 'd', { uid: 1000, mode: 0o700 }]],
    merged: { f: 'F', d: {} },
  },
  {
    name: 'directories without execute or read permission',
    given: { L1: { x: dir({ f: 'F' }, { mode: 0o711 }), r: dir({ f: 'F' }, { mode: 0o744 }), w: dir({ f: 'F' }, { mode: 0o722 }) } },
    steps: [['as', alice, [['read', 'x/f', 'F'], ['readdir', 'x', 'EACCES'], ['read', 'r/f', 'EACCES'], ['create', 'w/n', 'EACCES'], ['unlink', 'w/f', 'EACCES']]]],
    top: { aufs: [] },
  },
  {
    name: 'execute permission and running a program from a lower branch and after copy-up',
    given: { L1: { s: file('#!/bin/sh\necho ran', { mode: 0o755 }), n: file('#!/bin/sh\necho ran', { mode: 0o644 }) } },
    steps: [['exec', './s'], ['append', 's', '\n'], ['exec', './s'], ['access', 'n', 'X_OK', 'EACCES'], ['chmod', 'n', 0o755], ['exec', './n'], ['access', 'n', 'X_OK']],
    top: { aufs: ['n', 's'] },
  },
  {
    name: 'chmod with every bit, of files and directories',
    given: { L1: { f: 'F', d: {} } },
    steps: [['chmod', 'f', 0o7777], ['stat', 'f', { mode: 0o7777 }], ['chmod', 'd', 0o7777], ['stat', 'd', { mode: 0o7777 }], ['chmod', 'f', 0], ['stat', 'f', { mode: 0 }], ['chown', 'f', 4294967294, 4294967294], ['stat', 'f', { uid: 4294967294 }]],
  },
  {
    name: 'a user\'s file size limit does not stop copy-up',
    differs: { overlayfs: 'EFBIG' },
    given: { L1: { f: { type: 'file', content: 'x', times: 200_000, mode: 0o666 } } },
    steps: [['parallel', [['rlimit', 'FSIZE', 100_000], ['chmod', 'f', 0o600]]], ['stat', 'f', { size: 200_000, mode: 0o600 }]],
  },
]
