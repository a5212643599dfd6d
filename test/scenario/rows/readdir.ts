/** Listing directories: merged, while they change, with positions; and names themselves. */
import { dir, hardlink, opaque, symlink, whiteout, type Tree } from '../../helpers/tree.js'
import type { Row } from '../row.js'

const many = (count: number, text: string, prefix = 'n'): Tree =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${String(i).padStart(5, '0')}`, text]))

/** Every byte a name may hold, in names of eight; latin1. */
const allBytes = Array.from({ length: 32 }, (_, i) => Array.from({ length: 8 }, (_, k) => String.fromCharCode(i * 8 + k)).join(''))
  .map((name) => `b${name.replace(/[\0/]/g, '')}`)

export const readdirRows: readonly Row[] = [
  {
    name: 'a merged listing: every name once, types and numbers as stat says',
    given: { R: { d: { a: 'R', b: {}, w: whiteout } }, L1: { d: { a: 'L1', c: symlink('a'), w: 'L1', x: hardlink('d/a') } }, L2: { d: { b: { z: 'Z' }, c: 'L2', e: { type: 'fifo' }, w: 'L2' } } },
    steps: [['readdir', 'd', ['a', 'b', 'c', 'e', 'x']], ['readdir', 'd/b', ['z']], ['dircookies', 'd', 0], ['readdir', '.', ['d']], ['unlink', 'd/x'], ['append', 'd/a', '!'], ['readdir', 'd', ['a', 'b', 'c', 'e']]],
    differs: { overlayfs: 'd_ino of a merged directory', 'fuse-overlayfs': 'd_ino of a merged directory' },
    unlikePlain: 'the link group lost a name to the branch above',
  },
  {
    name: 'telldir and seekdir in a merged directory of hundreds',
    given: { R: { d: many(150, 'R', 'r') }, L1: { d: many(150, 'L1', 'n') }, L2: { d: many(300, 'L2', 'n') } },
    steps: [['dircookies', 'd', 0], ['opendir', 'x', 'd'], ['dirnext', 'x', 100], ['telldir', 'x', 'c'], ['dirnext', 'x', 50], ['seekdir', 'x', 'c'], ['dirnext', 'x', 50], ['rewinddir', 'x'], ['dirrest', 'x', [...Object.keys(many(300, '')), ...Object.keys(many(150, '', 'r'))].sort()]],
  },
  {
    name: 'names made and removed during a listing disturb nothing; rewinddir sees them',
    given: { L1: { d: many(400, 'L1') }, R: { d: { top: 'R' } } },
    steps: [['opendir', 'x', 'd'], ['dirnext', 'x', 10], ['write', 'd/new', 'N'], ['unlink', 'd/top'], ['rewinddir', 'x'], ['dirrest', 'x', [...Object.keys(many(400, '')), 'new'].sort()], ['unlink', 'd/new'], ['rewinddir', 'x'], ['dirrest', 'x', Object.keys(many(400, '')).sort()]],
  },
  {
    name: 'rm -rf of a merged directory of thousands while listing it',
    given: { R: { d: { ...many(500, 'R', 'r'), n00001: whiteout } }, L1: { d: many(3000, 'L1') } },
    steps: [['rmwhilelisting', 'd', 3499], ['stat', 'd', 'ENOENT'], ['mkdir', 'd'], ['readdir', 'd', []]],
    merged: { d: {} },
    top: { aufs: ['d', 'd/.wh..wh..opq'], overlay: ['opaque d'] },
    limitMs: 120_000,
    differs: { 'fuse-overlayfs': 'leaves whiteouts in opaque directories' },
  },
  {
    name: 'listing while renaming every entry in it',
    given: { L1: { d: many(200, 'x') } },
    steps: [['opendir', 'x', 'd'], ['dirnext', 'x', 5], ['exec', 'sh', '-c', 'for f in d/n*; do mv $f d/m${f#d/n}; done'], ['rewinddir', 'x'], ['dirrest', 'x', Object.keys(many(200, '', 'm')).sort()], ['dircookies', 'd', 0]],
  },
  {
    name: 'an open directory that is removed lists nothing and cannot be written',
    given: { L1: { d: { x: 'X' } } },
    steps: [['open', 'd', 'd', 'RDONLY|DIRECTORY'], ['unlink', 'd/x'], ['rmdir', 'd'], ['flistdir', 'd', []], ['fstat', 'd', { type: 'dir', nlink: 0 }], ['openat', 'n', 'd', 'new', 'WRONLY|CREAT', 'ENOENT'], ['fchmod', 'd', 0o700], ['mkdir', 'd'], ['flistdir', 'd', []], ['openat', 'n', 'd', 'new', 'WRONLY|CREAT', 'ENOENT'], ['readdir', 'd', []]],
    merged: { d: {} },
    differs: { overlayfs: 'link count of a removed directory', 'fuse-overlayfs': 'the removed directory is seen through' },
  },
  {
    name: 'a working directory that is removed',
    given: { L1: { d: { e: {} } } },
    steps: [['chdir', 'd/e'], ['rmdir', '../e'], ['write', 'x', '', 'ENOENT'], ['readdir', '.', []], ['stat', '.', { type: 'dir' }], ['chdir', '..', 'ENOENT']],
    merged: { d: {} },
    differs: { 'fuse-overlayfs': 'lists and creates in it', overlayfs: '.. of it is still there' , plain: '.. of it is still there', 'tsaufs-cached': '.. of it is still there', 'tsaufs-cached-reval': '.. of it is still there', 'tsaufs-cached-notify': '.. of it is still there', 'tsaufs-passthrough': '.. of it is still there' },
  },
  {
    name: 'names of all bytes',
    given: { L1: Object.fromEntries(allBytes.map((n) => [n, 'lower'])) },
    steps: [['readdir', '.', [...allBytes].sort()], ['append', allBytes[31]!, '!'], ['unlink', allBytes[1]!], ['rename', allBytes[30]!, `new${allBytes[29]}`], ['mkdir', `\xff\xfe${allBytes[3]}`], ['symlink', allBytes[28]!, '\x80'], ['readlink', '\x80', allBytes[28]!], ['setxattr', allBytes[27]!, 'user.\xe9', '\xff\x01'], ['getxattr', allBytes[27]!, 'user.\xe9', '\xff\x01'],
      ['dircookies', '.', 0]],
  },
  {
    name: 'names of 251 bytes: made, listed, renamed, removed',
    given: { L1: { ['l'.repeat(251)]: 'L', ['d'.repeat(251)]: { ['x'.repeat(251)]: 'X' } } },
    steps: [['write', 'w'.repeat(251), 'W'], ['append', 'l'.repeat(251), '!'], ['rename', 'l'.repeat(251), 'm'.repeat(251)], ['unlink', `${'d'.repeat(251)}/${'x'.repeat(251)}`], ['rename', 'd'.repeat(251), 'e'.repeat(251)], ['rmdir', 'e'.repeat(251)], ['unlink', 'w'.repeat(251)]],
    merged: { ['m'.repeat(251)]: 'L!' },
    top: { aufs: [`.wh.${'d'.repeat(251)}`, `.wh.${'l'.repeat(251)}`, 'm'.repeat(251)] },
    differs: { 'fuse-overlayfs': 'EXDEV for the directory' },
  },
  {
    name: 'too long a name is ENAMETOOLONG in every operation, and statfs tells the limit',
    given: { L1: { f: 'F', d: {} } },
    only: 'tsaufs',
    steps: [['statfs', '.', { namemax: 251 }], ...['write', 'create', 'mkdir', 'mknod', 'symlink', 'link', 'rename'].map((op) => {
      const name = 'n'.repeat(252)
      if (op === 'write') return [op, name, '', 'ENAMETOOLONG'] as const
      if (op === 'mknod') return [op, name, 'fifo', 'ENAMETOOLONG'] as const
      return ['symlink', 'link', 'rename'].includes(op) ? ([op, 'f', name, 'ENAMETOOLONG'] as const) : ([op, name, 'ENAMETOOLONG'] as const)
    }), ['stat', 'n'.repeat(256), 'ENAMETOOLONG'], ['stat', 'n'.repeat(255), 'ENAMETOOLONG'], ['stat', 'n'.repeat(251), 'ENOENT']],
    top: { aufs: [] },
  },
  {
    name: 'paths near PATH_MAX and beyond',
    given: { L1: { d: {} } },
    steps: [['deep', 'x'.repeat(200), 30], ['stat', `${'x'.repeat(200)}/`.repeat(19) + 'x'.repeat(200), { type: 'dir' }], ['stat', `${'x'.repeat(200)}/`.repeat(25), 'ENAMETOOLONG'], ['exec', 'sh', '-c', 'find . -name file | wc -c'], ['rename', 'x'.repeat(200), 'd/y'], ['exec', 'rm', '-rf', 'd']],
    merged: {},
    top: { aufs: ['.wh.d'] },
    limitMs: 60_000,
    skip: { 'fuse-overlayfs': 'ENAMETOOLONG, and half a minute for it' },
  },
  {
    name: 'deep lower paths are reached and copied up',
    given: { L1: { a: { b: { c: { d: { e: { f: { g: { h: { i: { j: { k: { l: 'deep' } } } } } } } } } } } } },
    steps: [['append', 'a/b/c/d/e/f/g/h/i/j/k/l', '!'], ['rename', 'a/b/c', 'c'], ['read', 'c/d/e/f/g/h/i/j/k/l', 'deep!'], ['readdir', 'a/b', []]],
    differs: { 'fuse-overlayfs': 'EXDEV for a directory with lower content' },
  },
  {
    name: 'an opaque directory below the top ends the merge for what is lower only',
    given: { R: { d: { r: 'R' } }, L1: { d: opaque({ m: 'M' }) }, L2: { d: { l: 'L' } } },
    steps: [['readdir', 'd', ['m', 'r']], ['stat', 'd/l', 'ENOENT'], ['write', 'd/l', 'new'], ['unlink', 'd/l'], ['unlink', 'd/m'], ['readdir', 'd', ['r']]],
    merged: { d: { r: 'R' } },
    top: { aufs: ['d', 'd/.wh.m', 'd/r'] },
  },
  {
    name: 'attributes of a merged directory are the topmost\'s',
    given: { R: { d: dir({}, { mode: 0o701, uid: 1 }) }, L1: { d: dir({ x: 'X' }, { mode: 0o702, uid: 2, xattrs: { 'user.l': 'L' } }) } },
    steps: [['stat', 'd', { mode: 0o701, uid: 1 }], ['listxattr', 'd', []], ['chmod', 'd', 0o770], ['stat', 'd', { mode: 0o770 }], ['exec', 'find', '.', '-type', 'f']],
    unlikePlain: 'flattening mixes the attributes as given',
  },
]
