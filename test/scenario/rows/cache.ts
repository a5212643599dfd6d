/** What was looked at once and is otherwise now: names, missing names, lists, attributes, pages. Nobody changes a branch directly. */
import { dir, hardlink, opaque, symlink, whiteout } from '../../helpers/tree.js'
import type { Step } from '../../helpers/steps.js'
import type { Row } from '../row.js'

const PAGE = 4096
const page = (c: string): string => c.repeat(PAGE)
const zeros = '\0'.repeat(8)
const BROKEN = { 'fuse-overlayfs': 'copy-up breaks hard links' } as const
const REDIRECT = { 'fuse-overlayfs': 'EXDEV for a directory with lower content' } as const
const LOWER_MAP = { 'fuse-overlayfs': 'two inodes', overlayfs: 'a mapping stays on the lower file' } as const

/** Look at a name in every way that leaves something in a cache. */
const look = (path: string, type: string): Step[] => [
  ['stat', path, { type }], ['readdir', path.includes('/') ? path.replace(/\/[^/]*$/, '') : '.'], ['stat', path, { type }],
]
/** The same for a name that is not there. */
const miss = (path: string): Step[] => [['stat', path, 'ENOENT'], ['open', '-', path, 'RDONLY', 'ENOENT'], ['stat', path, 'ENOENT']]

/** `path` becomes one thing after the other; `remove` takes away what it is at first. */
const turns = (path: string, remove: Step): Step[] => [
  remove, ...miss(path),
  ['mkdir', path], ...look(path, 'dir'), ['readdir', path, []], ['write', `${path}/in`, 'in'], ['readdir', path, ['in']], ['unlink', `${path}/in`], ['rmdir', path], ...miss(path),
  ['symlink', 'nowhere', path], ...look(path, 'symlink'), ['readlink', path, 'nowhere'], ['unlink', path], ...miss(path),
  ['symlink', 'elsewhere', path], ['readlink', path, 'elsewhere'], ['unlink', path],
  ['mknod', path, 'fifo'], ...look(path, 'fifo'), ['unlink', path], ...miss(path),
  ['write', path, 'file'], ...look(path, 'file'), ['read', path, 'file'],
]

const names: readonly Row[] = [
  {
    name: 'a name that was missing is there, whatever made it',
    given: { R: { r: 'R', rd: { x: 'X' } }, L1: { l: 'L', ld: { y: 'Y' }, g: 'G' } },
    steps: [
      ...['w', 'd', 'p', 's', 'h', 'h2', 'mv', 'mv2', 'rd2', 'ld2', 't', 'dir/under'].flatMap(miss),
      ['write', 'w', 'W'], ['read', 'w', 'W'], ['mkdir', 'd'], ['readdir', 'd', []], ['mknod', 'p', 'fifo'], ['stat', 'p', { type: 'fifo' }],
      ['symlink', 'w', 's'], ['read', 's', 'W'], ['link', 'r', 'h'], ['read', 'h', 'R'], ['link', 'l', 'h2'], ['stat', 'h2', { nlink: 2, size: 1 }],
      ['rename', 'r', 'mv'], ['read', 'mv', 'R'], ['rename', 'g', 'mv2'], ['read', 'mv2', 'G'], ...miss('r'), ...miss('g'),
      ['rename', 'rd', 'rd2'], ['read', 'rd2/x', 'X'], ['rename2', 'ld', 'ld2', 'NOREPLACE'], ['read', 'ld2/y', 'Y'], ...miss('rd/x'), ...miss('ld'),
      ['open', 't', '.', 'RDWR|TMPFILE'], ['fwrite', 't', 'T'], ['linkfd', 't', 't'], ['read', 't', 'T'], ['mkdir', 'dir'], ...miss('dir/under'), ['write', 'dir/under', ''], ['stat', 'dir/under', { size: 0 }],
      ['readdir', '.', ['d', 'dir', 'h', 'h2', 'l', 'ld2', 'mv', 'mv2', 'p', 'rd2', 's', 't', 'w']],
    ],
    differs: { ...REDIRECT },
  },
  {
    name: 'a name that was missing for another process is there',
    given: { L1: { d: { x: 'X' } } },
    steps: [
      ['parallel', [['stat', 'd/n', 'ENOENT'], ['readdir', 'd', ['x']]]], ['stat', 'd/n', 'ENOENT'], ['parallel', [['rename', 'd/x', 'd/n']]], ['read', 'd/n', 'X'], ['stat', 'd/x', 'ENOENT'],
      ['parallel', [['read', 'd/n', 'X'], ['stat', 'd/x', 'ENOENT'], ['readdir', 'd', ['n']], ['write', 'd/x', 'new']]], ['read', 'd/x', 'new'], ['readdir', 'd', ['n', 'x']],
    ],
  },
  { name: 'a lower file removed and made anew as every other type', given: { L1: { f: 'L' } }, steps: turns('f', ['unlink', 'f']), merged: { f: 'file' }, top: { aufs: ['f'] } },
  { name: 'an upper file over a lower one removed and made anew as every other type', given: { R: { d: { f: 'R' } }, L1: { d: { f: 'L' } } }, steps: turns('d/f', ['unlink', 'd/f']), merged: { d: { f: 'file' } } },
  { name: 'a lower directory removed and made anew as every other type', given: { L1: { d: { e: {} } }, L2: { d: { e: {} } } }, steps: turns('d/e', ['rmdir', 'd/e']), merged: { d: { e: 'file' } } },
  { name: 'a whited-out name made as every type', given: { R: { d: { f: whiteout } }, L1: { d: { f: { x: 'X' } } } }, steps: turns('d/f', ['stat', 'd/f', 'ENOENT']), merged: { d: { f: 'file' } } },
  {
    name: 'rename over a missing name, over names of other types, and over what a listing had',
    given: { L1: { d: { l: symlink('x'), p: { type: 'fifo' }, f: 'old', e: {} }, a: 'A', b: 'B', c: 'C', s: { y: 'Y' } } },
    steps: [
      ['readdir', 'd', ['e', 'f', 'l', 'p']], ...miss('d/n'), ['rename', 'a', 'd/n'], ['read', 'd/n', 'A'], ['readdir', 'd', ['e', 'f', 'l', 'n', 'p']], ...miss('a'),
      ['rename', 'b', 'd/l'], ...look('d/l', 'file'), ['read', 'd/l', 'B'], ['rename', 'c', 'd/p'], ...look('d/p', 'file'), ['rename', 'd/l', 'd/f'], ['read', 'd/f', 'B'], ...miss('d/l'), ['readdir', 'd/e', []], ['stat', 'd/e/y', 'ENOENT'],
      ['rename', 's', 'd/e'], ['read', 'd/e/y', 'Y'], ['readdir', 'd/e', ['y']], ['readdir', 'd', ['e', 'f', 'n', 'p']], ['readdir', '.', ['d']],
    ],
    merged: { d: { e: { y: 'Y' }, f: 'B', n: 'A', p: 'C' } },
    differs: { ...REDIRECT },
  },
  {
    name: 'exchange what is known: types, lists, and names that were missing below',
    given: { R: { u: { x: 'upper' } }, L1: { f: 'F', d: { x: 'X', s: {} }, l: symlink('f') } },
    steps: [
      ...look('f', 'file'), ...look('d', 'dir'), ...look('d/x', 'file'), ['stat', 'f/x', 'ENOTDIR'], ...miss('d/n'), ['readlink', 'l', 'f'],
      ['rename2', 'f', 'd', 'EXCHANGE'], ['read', 'd', 'F'], ...look('f', 'dir'), ['read', 'f/x', 'X'], ['stat', 'd/x', 'ENOTDIR'], ['write', 'f/n', 'N'], ['readdir', 'f', ['n', 's', 'x']],
      ['rename2', 'l', 'd', 'EXCHANGE'], ...look('l', 'file'), ['readlink', 'd', 'f'], ['readdir', 'd', ['n', 's', 'x']],
      ['readdir', 'u', ['x']], ['rename2', 'u', 'f', 'EXCHANGE'], ['read', 'f/x', 'upper'], ['read', 'u/x', 'X'], ['stat', 'f/n', 'ENOENT'], ['read', 'u/n', 'N'], ['readdir', 'f', ['x']], ['readdir', 'u', ['n', 's', 'x']],
      ['rename2', 'u/x', 'f/x', 'EXCHANGE'], ['read', 'u/x', 'upper'], ['read', 'f/x', 'X'],
    ],
    differs: { 'fuse-overlayfs': 'no RENAME_EXCHANGE of merged directories' },
  },
  {
    name: 'a directory renamed with everything in it known; its name used again',
    given: { R: { d: { r: 'R' } }, L1: { d: { x: 'X', s: { y: 'Y' } }, o: {} }, L2: { d: { z: 'Z', s: { w: 'W' } } } },
    steps: [
      ['readdir', 'd', ['r', 's', 'x', 'z']], ['readdir', 'd/s', ['w', 'y']], ['stat', 'd/x', { ino: '=x' }], ['read', 'd/s/w', 'W'], ...miss('d/n'), ...miss('d/s/n'), ['open', 'x', 'd/x', 'RDONLY'], ['open', 's', 'd/s', 'RDONLY|DIRECTORY'],
      ['rename', 'd', 'e'], ['stat', 'd', 'ENOENT'], ['stat', 'd/x', 'ENOENT'], ['stat', 'd/s/w', 'ENOENT'], ['stat', 'e/x', { ino: '=x' }], ['readdir', 'e', ['r', 's', 'x', 'z']], ...miss('e/n'), ['read', 'e/s/w', 'W'], ['fread', 'x', 0, 9, 'X'],
      ['mkdir', 'd'], ['readdir', 'd', []], ...miss('d/x'), ...miss('d/s'), ['write', 'd/x', 'other'], ['mkdir', 'd/s'], ['write', 'd/s/w', 'other'], ['read', 'e/x', 'X'], ['read', 'e/s/w', 'W'], ['readdir', 'd/s', ['w']],
      ['openat', 'v', 's', 'v', 'WRONLY|CREAT'], ['flistdir', 's', ['v', 'w', 'y']], ['readdir', 'e/s', ['v', 'w', 'y']], ['append', 'e/x', '!'], ['fread', 'x', 0, 9, 'X!'], ['read', 'd/x', 'other'],
      ['readdir', 'o', []], ['rename', 'e', 'o'], ['readdir', 'o', ['r', 's', 'x', 'z']], ['read', 'o/s/y', 'Y'], ...miss('e'), ['flistdir', 's', ['v', 'w', 'y']],
    ],
    differs: { ...REDIRECT },
  },
  {
    name: 'a directory removed and made again is empty, again and again',
    given: { L1: { d: { x: 'X' } }, L2: { d: { y: 'Y' } } },
    steps: [
      ['readdir', 'd', ['x', 'y']], ['exec', 'rm', '-r', 'd'], ['mkdir', 'd'], ['readdir', 'd', []], ...miss('d/x'),
      ['repeat', 30, [['mkdir', 'd/s'], ['readdir', 'd/s', []], ['write', 'd/s/x', 'X'], ['mkdir', 'd/s/t'], ['write', 'd/s/t/y', 'Y'], ['exec', 'rm', '-r', 'd/s']]], ['mkdir', 'd/s'], ['readdir', 'd/s', []], ...miss('d/s/x'), ...miss('d/s/t'),
    ],
    merged: { d: { s: {} } },
    differs: { 'fuse-overlayfs': 'the lower directory shows through until a remount' },
  },
  {
    name: 'a symbolic link that was followed leads elsewhere',
    given: { L1: { a: { x: 'A' }, b: { x: 'B' }, l: symlink('a') }, R: { m: symlink('a') } },
    steps: [
      ...['l', 'm'].flatMap((l): Step[] => [['readlink', l, 'a'], ['read', `${l}/x`, 'A'], ['symlink', 'b', 'new'], ['rename', 'new', l], ['readlink', l, 'b'], ['read', `${l}/x`, 'B'], ['unlink', l], ['symlink', 'a', l], ['readlink', l, 'a'], ['read', `${l}/x`, 'A']]),
      ['rename', 'a', 'c'], ['stat', 'l/x', 'ENOENT'], ['rename', 'b', 'a'], ['read', 'l/x', 'B'],
    ],
    differs: { ...REDIRECT },
  },
]

const lists: readonly Row[] = [
  {
    name: 'a list that was read knows which directories must be opaque where they are moved to',
    given: { R: { n: { z: 'up' }, k: {} }, L1: { d: { x: 'low' }, e: { y: 'low' } } },
    steps: [
      ['readdir', '.', ['d', 'e', 'k', 'n']], ['unlink', 'd/x'], ['rename', 'n', 'd'], ['readdir', 'd', ['z']],
      ['exec', 'rm', '-r', 'e'], ['rename', 'k', 'e'], ['readdir', 'e', []], ['mkdir', 'p'], ['rename', 'p', 'q'], ['rmdir', 'q'],
    ],
    merged: { d: { z: 'up' }, e: {} },
    top: { aufs: ['d', 'd/.wh..wh..opq', 'd/z', 'e', 'e/.wh..wh..opq'] },
  },
  {
    name: 'a list that was read knows which removals need a whiteout',
    given: {
      L1: { d: { a: '1', b: '2', c: 'C', e: { x: 'X' }, g: 'G', w: whiteout } },
      L2: { d: { a: 'below', z: 'Z', w: 'hidden', e: { y: 'Y' } } },
    },
    steps: [
      ['readdir', 'd', ['a', 'b', 'c', 'e', 'g', 'z']],
      // Removed, made anew, removed again: what lies below is still there.
      ['unlink', 'd/a'], ['write', 'd/a', 'new'], ['read', 'd/a', 'new'], ['unlink', 'd/a'], ['stat', 'd/a', 'ENOENT'],
      ['append', 'd/b', '!'], ['unlink', 'd/b'], ['mkdir', 'd/b'], ['readdir', 'd/b', []], ['rmdir', 'd/b'], ['stat', 'd/b', 'ENOENT'],
      // What was never below leaves nothing.
      ['write', 'd/n', 'N'], ['unlink', 'd/n'], ['write', 'd/p', 'P'], ['rename', 'd/p', 'd/q'], ['unlink', 'd/q'], ['mkdir', 'd/m'], ['rmdir', 'd/m'],
      ['write', 'd/w', 'W'], ['unlink', 'd/w'], ['stat', 'd/w', 'ENOENT'],
      // Something new in the place of what is below, and away again.
      ['write', 'd/t', 'T'], ['rename', 'd/t', 'd/c'], ['unlink', 'd/c'], ['stat', 'd/c', 'ENOENT'],
      ['write', 'd/t', 'T'], ['link', 'd/t', 'd/l'], ['unlink', 'd/t'], ['rename', 'd/l', 'd/g'], ['rename', 'd/g', 'd/h'], ['stat', 'd/g', 'ENOENT'], ['unlink', 'd/h'],
      ['readdir', 'd', ['e', 'z']], ['exec', 'rm', '-r', 'd/e'], ['mkdir', 'd/e'], ['readdir', 'd/e', []], ['write', 'd/e/x', 'x'], ['unlink', 'd/e/x'], ['readdir', 'd/e', []],
    ],
    merged: { d: { e: {}, z: 'Z' } },
    top: { aufs: ['d', 'd/.wh.a', 'd/.wh.b', 'd/.wh.c', 'd/.wh.g', 'd/e', 'd/e/.wh..wh..opq'] },
    differs: { 'fuse-overlayfs': 'what a file was moved over shows again when that is removed' },
  },
  {
    name: 'a list that is open while others remove, make and replace entries',
    given: { R: { d: { r: 'R', k: 'K' } }, L1: { d: { a: 'A', b: 'B', c: {} } }, L2: { d: { c: { z: 'Z' }, e: symlink('a') } } },
    steps: [
      ['readdir', 'd', ['a', 'b', 'c', 'e', 'k', 'r']], ['opendir', 'x', 'd'], ['dirnext', 'x', 3], ['parallel', [['unlink', 'd/a'], ['unlink', 'd/e'], ['mkdir', 'd/e'], ['rename', 'd/b', 'd/r'], ['write', 'd/n', 'N']]],
      ['readdir', 'd', ['c', 'e', 'k', 'n', 'r']], ['rewinddir', 'x'], ['dirrest', 'x', ['c', 'e', 'k', 'n', 'r']], ['stat', 'd/e', { type: 'dir' }], ['parallel', [['exec', 'rm', '-r', 'd/c'], ['symlink', 'r', 'd/c']]], ['readdir', 'd', ['c', 'e', 'k', 'n', 'r']], ['read', 'd/c', 'B'],
      ['open', 'd', 'd', 'RDONLY|DIRECTORY'], ['flistdir', 'd', ['c', 'e', 'k', 'n', 'r']], ['exec', 'sh', '-c', 'rm -r d/*'], ['flistdir', 'd', []], ['readdir', 'd', []], ['rewinddir', 'x'], ['dirrest', 'x', []],
    ],
    merged: { d: {} },
  },
  {
    name: 'names looked for often enough to read the whole directory, then changed',
    given: { R: { d: { r: 'R' } }, L1: { d: { a: 'A', b: 'B' } }, L2: { d: { c: 'C' } } },
    steps: [
      ...Array.from({ length: 100 }, (_, i): Step => ['stat', `d/n${i}`, 'ENOENT']), ['read', 'd/c', 'C'],
      ['write', 'd/n1', '1'], ['link', 'd/c', 'd/n2'], ['symlink', 'c', 'd/n3'], ['rename', 'd/a', 'd/n4'], ['unlink', 'd/b'], ['mkdir', 'd/n5'], ['rename2', 'd/r', 'd/n5', 'EXCHANGE'],
      ...Array.from({ length: 40 }, (_, i): Step => ['stat', `d/m${i}`, 'ENOENT']), ['read', 'd/n1', '1'], ['read', 'd/n2', 'C'], ['read', 'd/n3', 'C'], ['read', 'd/n4', 'A'], ...miss('d/a'), ...miss('d/b'), ['read', 'd/n5', 'R'], ['readdir', 'd/r', []],
      ['append', 'd/c', '!'], ['read', 'd/n2', 'C!'], ['readdir', 'd', ['c', 'n1', 'n2', 'n3', 'n4', 'n5', 'r']], ['write', 'd/b', 'new'], ['read', 'd/b', 'new'],
    ],
  },
]

const attributes: readonly Row[] = [
  {
    name: 'size, times, mode and links by every name of a lower group, known before',
    given: { L1: { d: { a: 'AAAA' }, e: { b: hardlink('d/a') }, c: hardlink('d/a') } },
    steps: [
      ['stat', 'd/a', { nlink: 3, ino: '=i', mtime: 'kept' }], ['stat', 'e/b', { nlink: 3, ino: '=i' }], ['stat', 'c', { nlink: 3, ino: '=i' }], ['open', 'b', 'e/b', 'RDONLY'], ['fread', 'b', 0, 9, 'AAAA'],
      ['append', 'd/a', '!'], ['stat', 'e/b', { size: 5, nlink: 3, ino: '=i', mtime: 'now' }], ['fstat', 'b', { size: 5, nlink: 3, ino: '=i' }], ['read', 'c', 'AAAA!'], ['fread', 'b', 0, 9, 'AAAA!'], ['chmod', 'c', 0o600], ['stat', 'd/a', { mode: 0o600 }], ['fstat', 'b', { mode: 0o600 }],
      ['unlink', 'c'], ['stat', 'd/a', { nlink: 2 }], ['fstat', 'b', { nlink: 2 }], ['link', 'e/b', 'f'], ['stat', 'd/a', { nlink: 3 }], ['fstat', 'b', { nlink: 3 }], ['write', 'n', 'N'], ['rename', 'n', 'd/a'], ['fstat', 'b', { nlink: 2 }], ['stat', 'f', { nlink: 2, ino: '=i' }],
      ['truncate', 'f', 1], ['fstat', 'b', { size: 1 }], ['read', 'e/b', 'A'], ['rename', 'e', 'g'], ['stat', 'g/b', { nlink: 2, size: 1, ino: '=i' }], ['unlink', 'g/b'], ['unlink', 'f'], ['fstat', 'b', { nlink: 0, size: 1 }],
    ],
    differs: { ...BROKEN },
  },
  {
    name: 'times and links of directories known before something in them changes',
    given: { R: { d: dir({ r: 'R' }) }, L1: { l: { x: 'X', y: 'Y' }, s: {} } },
    steps: [
      ...['d', 'l', 's'].flatMap((d): Step[] => [['stat', d, { mtime: 'kept' }], ['readdir', d], ['open', d, d, 'RDONLY|DIRECTORY'], ['fstat', d, { mtime: 'kept' }]]),
      ['append', 'l/x', '!'], ['stat', 'l', { mtime: 'kept' }], ['chmod', 'd/r', 0o600], ['stat', 'd', { mtime: 'kept' }], ['unlink', 'd/r'], ['stat', 'd', { mtime: 'now' }], ['fstat', 'd', { mtime: 'now' }],
      ['rename', 'l/x', 's/x'], ['stat', 'l', { mtime: 'now' }], ['fstat', 's', { mtime: 'now' }], ['fstat', 'l', { mtime: 'now' }], ['rmdir', 'd'], ['fstat', 'd', { nlink: 0 }],
    ],
    differs: { 'fuse-overlayfs': 'attributes of what is open' },
  },
  {
    name: 'inode numbers come again: what is made anew is new, what is open stays',
    given: { L1: { d: {} } },
    steps: [
      ['write', 'd/f', 'first'], ['read', 'd/f', 'first'], ['open', 'o', 'd/f', 'RDWR'], ['mmap', 'm', 'd/f', 5, 'shared', 'r'], ['unlink', 'd/f'], ['write', 'd/f', 'second'], ['read', 'd/f', 'second'], ['fread', 'o', 0, 9, 'first'], ['mread', 'm', 0, 5, 'first'],
      ...Array.from({ length: 12 }, (_, i): Step[] => [['unlink', 'd/f'], ...(i % 3 === 0 ? [['mkdir', 'd/f'], ['readdir', 'd/f', []], ['rmdir', 'd/f']] as Step[] : []), ['write', 'd/f', `${i}`.repeat(i + 1)], ['stat', 'd/f', { nlink: 1, size: `${i}`.repeat(i + 1).length }], ['read', 'd/f', `${i}`.repeat(i + 1)]]).flat(),
      ['fread', 'o', 0, 9, 'first'], ['fpwrite', 'o', 0, 'F'], ['mread', 'm', 0, 5, 'First'], ['fstat', 'o', { nlink: 0, size: 5 }], ['read', 'd/f', '11'.repeat(12)], ['readdir', 'd', ['f']],
    ],
    differs: { 'fuse-overlayfs': 'calls on descriptors go by name' },
  },
  {
    name: 'size as fstat sees it at once in other processes',
    given: { L1: { f: '0123456789' }, R: { g: '0123456789' } },
    steps: ['f', 'g'].flatMap((f): Step[] => [
      ['open', 'r', f, 'RDONLY'], ['open', 'w', f, 'RDWR'], ['open', 'a', f, 'WRONLY|APPEND'], ['fstat', 'r', { size: 10 }], ['parallel', [['fstat', 'r', { size: 10 }], ['fwrite', 'a', 'abc']]], ['fstat', 'r', { size: 13 }], ['stat', f, { size: 13 }], ['fread', 'r', 8, 9, '89abc'],
      ['parallel', [['fstat', 'w', { size: 13 }], ['ftruncate', 'w', 4]]], ['fstat', 'r', { size: 4 }], ['fread', 'r', 0, 99, '0123'], ['parallel', [['fwrite', 'a', 'x'], ['fstat', 'r', { size: 5 }]]], ['fread', 'r', 0, 99, '0123x'],
      ['parallel', [['open', 't', f, 'WRONLY|TRUNC'], ['fstat', 'r', { size: 0 }]]], ['fstat', 'w', { size: 0 }], ['fread', 'r', 0, 99, ''], ['fpwrite', 'w', 6, 'end'], ['fstat', 'r', { size: 9 }], ['fread', 'r', 0, 99, '\0\0\0\0\0\0end'],
    ]),
  },
]

/** The same on a lower and on an upper file, under their names. */
const onBoth = (steps: (f: string) => Step[]): Step[] => [...steps('l'), ...steps('u')]
const twoPages = { type: 'file', content: page('x') + page('y') } as const

const pages: readonly Row[] = [
  {
    name: 'truncated and grown again there are zeros, in pages and mappings that had been read',
    given: { L1: { l: twoPages }, R: { u: twoPages } },
    steps: onBoth((f) => [
      ['sha', f], ['open', 'r', f, 'RDONLY'], ['mmap', 'm', f, 2 * PAGE, 'shared', 'r'], ['mread', 'm', PAGE, 2, 'yy'], ['truncate', f, PAGE + 2], ['truncate', f, 2 * PAGE], ['mread', 'm', PAGE, 8, `yy${zeros.slice(2)}`], ['fread', 'r', PAGE, 8, `yy${zeros.slice(2)}`],
      ['truncate', f, 10], ['fstat', 'r', { size: 10 }], ['truncate', f, 2 * PAGE], ['fread', 'r', 8, 8, `xx${zeros.slice(2)}`], ['fread', 'r', PAGE, 8, zeros], ['mread', 'm', 8, 8, `xx${zeros.slice(2)}`], ['mread', 'm', PAGE, 8, zeros], ['pwrite', f, PAGE, 'new'], ['mread', 'm', PAGE, 4, 'new\0'],
    ]),
    differs: { ...LOWER_MAP },
  },
  {
    name: 'a truncation by one descriptor with dirty mapped pages by another',
    given: { L1: { l: twoPages }, R: { u: twoPages } },
    steps: onBoth((f) => [
      ['mmap', 'm', f, 2 * PAGE, 'shared', 'rw'], ['mwrite', 'm', 0, 'one'], ['mwrite', 'm', PAGE, 'two'], ['open', 'w', f, 'RDWR'], ['ftruncate', 'w', PAGE], ['fstat', 'w', { size: PAGE }], ['fread', 'w', 0, 4, 'onex'], ['ftruncate', 'w', 2 * PAGE],
      ['fread', 'w', PAGE, 8, zeros], ['mread', 'm', PAGE, 8, zeros], ['mwrite', 'm', PAGE + 4, 'three'], ['open', 'a', f, 'WRONLY|APPEND'], ['ftruncate', 'a', PAGE + 6], ['fwrite', 'a', '!'], ['fread', 'w', PAGE, 9, '\0\0\0\0th!'], ['msync', 'm'], ['munmap', 'm'],
      ['fsync', 'w'], ['stat', f, { size: PAGE + 7 }], ['dread', f, 0, PAGE, `one${page('x').slice(3)}`], ['fread', 'w', PAGE, 9, '\0\0\0\0th!'],
    ]),
  },
  {
    name: 'O_TRUNC and ftruncate with pages cached, then appended to',
    given: { L1: { l: twoPages, m: twoPages }, R: { u: twoPages } },
    steps: [
      ...onBoth((f): Step[] => [['sha', f], ['open', 'r', f, 'RDONLY'], ['open', 'a', f, 'WRONLY|APPEND'], ['open', 't', f, 'WRONLY|TRUNC'], ['fstat', 'r', { size: 0 }], ['fread', 'r', 0, 9, ''], ['fwrite', 'a', 'a'], ['fwrite', 't', 'T'], ['fwrite', 'a', 'b'], ['fread', 'r', 0, 9, 'Tb'], ['ftruncate', 't', 1], ['fwrite', 'a', 'c'], ['fread', 'r', 0, 9, 'Tc'], ['read', f, 'Tc']]),
      ['sha', 'm'], ['write', 'm', ''], ['stat', 'm', { size: 0 }], ['read', 'm', ''], ['pwrite', 'm', PAGE, 'z'], ['open', 'r', 'm', 'RDONLY'], ['fread', 'r', PAGE - 4, 9, '\0\0\0\0z'], ['fread', 'r', 0, 8, zeros],
    ],
    merged: { l: 'Tc', u: 'Tc', m: { type: 'file', size: PAGE + 1 } },
  },
  {
    name: 'mapped while it is copied up: by a change of attributes, by another process, by another name',
    given: { L1: { f: twoPages, g: hardlink('f'), h: twoPages } },
    steps: [
      ['mmap', 's', 'f', 2 * PAGE, 'shared', 'r'], ['mmap', 'p', 'f', 2 * PAGE, 'private', 'rw'], ['mread', 's', 0, 2, 'xx'], ['mwrite', 'p', 0, 'mine'], ['mread', 'p', PAGE, 2, 'yy'],
      ['chmod', 'f', 0o600], ['mread', 's', 0, 2, 'xx'], ['mread', 's', PAGE, 2, 'yy'], ['mread', 'p', 0, 5, 'minex'], ['parallel', [['pwrite', 'g', 0, 'other']]], ['mread', 's', 0, 6, 'otherx'], ['pwrite', 'f', PAGE, 'name'], ['mread', 's', PAGE, 5, 'namey'], ['mread', 'p', 0, 5, 'minex'], ['mread', 'p', 2 * PAGE - 2, 2, 'yy'],
      ['mmap', 'w', 'h', 2 * PAGE, 'shared', 'rw'], ['mmap', 'r', 'h', 2 * PAGE, 'shared', 'r'], ['mread', 'r', 0, 2, 'xx'], ['mwrite', 'w', 0, 'by map'], ['mread', 'r', 0, 6, 'by map'], ['parallel', [['pwrite', 'h', PAGE, 'by call']]], ['mread', 'w', PAGE, 7, 'by call'], ['mread', 'r', PAGE, 7, 'by call'], ['msync', 'w'],
      ['open', 'c', 'h', 'RDONLY'], ['fread', 'c', 0, 7, 'by mapx'],
    ],
    differs: { ...LOWER_MAP },
  },
  {
    name: 'a mapping of a file that is renamed over, removed or renamed goes on with that file',
    given: { L1: { f: twoPages, g: 'G', h: twoPages }, R: { k: twoPages } },
    steps: [
      ...['f', 'h', 'k'].map((f): Step => ['mmap', f, f, 2 * PAGE, 'shared', 'rw']), ['mwrite', 'f', 0, 'old'], ['rename', 'g', 'f'], ['read', 'f', 'G'], ['mread', 'f', 0, 4, 'oldx'], ['mwrite', 'f', 1, 'LD'], ['msync', 'f'], ['mread', 'f', PAGE, 1, 'y'], ['read', 'f', 'G'],
      ['unlink', 'h'], ['write', 'h', 'H'], ['mwrite', 'h', PAGE, 'old'], ['msync', 'h'], ['mread', 'h', PAGE, 4, 'oldy'], ['read', 'h', 'H'], ['rename', 'k', 'n'], ['write', 'k', 'K'], ['mwrite', 'k', 0, 'new'], ['msync', 'k'], ['open', 'n', 'n', 'RDONLY'], ['fread', 'n', 0, 4, 'newx'], ['read', 'k', 'K'],
    ],
    merged: { f: 'G', h: 'H', k: 'K', n: { type: 'file', size: 2 * PAGE } },
  },
  {
    name: 'mtime after a mapped write, with attributes known, of a file that was there and of new ones',
    given: { L1: { l: twoPages }, R: { u: twoPages } },
    steps: [
      ['fill', 'n', 2 * PAGE, 'n'], ['open', 't', '.', 'RDWR|TMPFILE'], ['ftruncate', 't', 2 * PAGE], ['linkfd', 't', 't'],
      ...['l', 'u', 'n', 't'].flatMap((f): Step[] => [
        ['mmap', 'm', f, 2 * PAGE, 'shared', 'rw'], ['utimes', f, 3, 4], ['stat', f, { mtime: 4 }], ['mwrite', 'm', 0, 'new'], ['msync', 'm'], ['stat', f, { mtime: 'now' }], ['utimes', f, 3, 4], ['stat', f, { mtime: 4 }], ['mwrite', 'm', 0, 'NEW'], ['msync', 'm'], ['munmap', 'm'], ['stat', f, { mtime: 'now' }],
      ]),
    ],
    differs: { 'fuse-overlayfs': 'no O_TMPFILE' },
  },
  {
    name: 'a name with cached pages becomes another file',
    given: { R: { u: twoPages, o: opaque({ f: 'upper' }) }, L1: { l: twoPages, m: 'short', o: { f: 'lower' } } },
    steps: [
      ...['u', 'l', 'm', 'o/f'].map((f): Step => ['sha', f]), ['rename', 'm', 'u'], ['read', 'u', 'short'], ['unlink', 'l'], ['write', 'l', 'new'], ['read', 'l', 'new'], ['rename2', 'u', 'l', 'EXCHANGE'], ['read', 'u', 'new'], ['read', 'l', 'short'], ['exec', 'rm', '-r', 'o'], ['mkdir', 'o'], ['write', 'o/f', 'third'], ['read', 'o/f', 'third'],
      ['rename', 'o/f', 'l'], ['read', 'l', 'third'], ['link', 'l', 'o/f'], ['append', 'o/f', '!'], ['read', 'l', 'third!'],
    ],
    merged: { u: 'new', l: 'third!', o: { f: 'third!' } },
  },
]

export const cacheRows: readonly Row[] = [...names, ...lists, ...attributes, ...pages]
