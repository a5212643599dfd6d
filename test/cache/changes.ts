/**
 * Branches changed directly while the union `m` is in use, and the read-only branch `L` through another union `p` that writes
 * to it. A path shows the new state; a descriptor, mapping or working directory goes on with what it was opened on or says
 * ESTALE (ENOENT for a directory), and never reaches what has taken the name.
 */
import { OneOf, type Step } from '../helpers/steps.js'
import { hardlink, symlink, whiteout } from '../helpers/tree.js'
import type { Case } from './bed.js'

const PAGE = 4096
const twoPages = { type: 'file', content: 'x'.repeat(PAGE) + 'y'.repeat(PAGE) } as const
/** What was open goes on or is stale. */
const done = (value: unknown): OneOf => new OneOf(value, 'ESTALE', 'ENOENT')

export const names: readonly Case[] = [
  {
    name: 'new names where they were missing, and in lists',
    given: { R: { d: { r: 'R' }, src: 'S', only: {} }, L: { d: { l: 'L' }, low: { x: 'X' }, src2: 'S' } },
    steps: [
      ...['n1', 'n2', 'd/n', 'd/n2', 'd/n3', 'd/n4', 'low/n', 'only/n', 'n3', 'n3/x'].flatMap((f): Step[] => [['stat', `m/${f}`, 'ENOENT'], ['stat', `m/${f}`, 'ENOENT']]), ['readdir', 'm/d', ['l', 'r']], ['readdir', 'm/low', ['x']], ['readdir', 'm/', ['d', 'low', 'only', 'src', 'src2']], ['opendir', 'd', 'm/d'], ['dirnext', 'd', 2],
      ['write', 'R/n1', '1'], ['read', 'm/n1', '1'], ['write', 'L/n2', '2'], ['read', 'm/n2', '2'], ['link', 'R/src', 'R/d/n'], ['stat', 'm/d/n', { nlink: 2 }], ['symlink', 'r', 'L/d/n2'], ['read', 'm/d/n2', 'R'], ['mkdir', 'R/d/n3'], ['readdir', 'm/d/n3', []], ['rename', 'L/src2', 'L/d/n4'], ['read', 'm/d/n4', 'S'], ['stat', 'm/src2', 'ENOENT'],
      ['write', 'L/low/n', 'N'], ['read', 'm/low/n', 'N'], ['mknod', 'R/only/n', 'fifo'], ['stat', 'm/only/n', { type: 'fifo' }], ['mkdir', 'L/n3'], ['write', 'L/n3/x', 'X'], ['read', 'm/n3/x', 'X'],
      ['readdir', 'm/d', ['l', 'n', 'n2', 'n3', 'n4', 'r']], ['rewinddir', 'd'], ['dirrest', 'd', ['l', 'n', 'n2', 'n3', 'n4', 'r']], ['readdir', 'm/low', ['n', 'x']], ['readdir', 'm/', ['d', 'low', 'n1', 'n2', 'n3', 'only', 'src']],
    ],
  },
  {
    name: 'removed names, and others types in their place',
    given: { R: { f: 'F', g: 'G', e: {}, l: symlink('f') }, L: { d: { x: 'X', y: 'Y' }, h: 'H' } },
    steps: [
      ...['f', 'g', 'd/x', 'd/y', 'h', 'e'].map((f): Step => ['stat', `m/${f}`]), ['readdir', 'm/', ['d', 'e', 'f', 'g', 'h', 'l']], ['readdir', 'm/d', ['x', 'y']], ['readlink', 'm/l', 'f'], ['read', 'm/l', 'F'],
      ['unlink', 'R/f'], ['stat', 'm/f', 'ENOENT'], ['read', 'm/l', 'ENOENT'], ['unlink', 'R/l'], ['symlink', 'g', 'R/l'], ['readlink', 'm/l', 'g'], ['read', 'm/l', 'G'], ['unlink', 'L/d/x'], ['stat', 'm/d/x', 'ENOENT'], ['readdir', 'm/d', ['y']],
      ['unlink', 'R/g'], ['mkdir', 'R/g'], ['readdir', 'm/g', []], ['rmdir', 'R/e'], ['write', 'R/e', 'E'], ['read', 'm/e', 'E'], ['unlink', 'L/h'], ['symlink', 'e', 'L/h'], ['read', 'm/h', 'E'], ['readdir', 'm/', ['d', 'e', 'g', 'h', 'l']],
    ],
  },
  {
    name: 'whiteouts and opaque marks made and removed',
    given: { R: { d: { r: 'R' }, w: whiteout }, L: { d: { l: 'L', k: 'K' }, f: 'F', w: 'W' } },
    steps: [
      ['read', 'm/f', 'F'], ['read', 'm/d/l', 'L'], ['stat', 'm/w', 'ENOENT'], ['readdir', 'm/', ['d', 'f']], ['readdir', 'm/d', ['k', 'l', 'r']], ['write', 'R/.wh.f', ''], ['readdir', 'm/', ['d']], ['unlink', 'R/.wh.w'], ['read', 'm/w', 'W'], ['write', 'R/d/.wh.k', ''], ['readdir', 'm/d', ['l', 'r']],
      ['unlink', 'R/d/.wh.k'], ['read', 'm/d/k', 'K'], ['readdir', 'm/d', ['k', 'l', 'r']], ['unlink', 'R/.wh.f'], ['read', 'm/f', 'F'], ['readdir', 'm/', ['d', 'f', 'w']],
    ],
  },
]

/** On branch R another file takes the name of one that the union has open and mapped; `first` makes that file or changes it. */
function replaced(name: string, first: readonly Step[], given: Case['given']): Case {
  return {
    name: `replaced on the writable branch: ${name}`,
    given,
    steps: [
      ...first, ['open', 'f', 'm/f', 'RDWR'], ['open', 'r', 'm/f', 'RDONLY'], ['fread', 'r', 0, 2, 'xx'], ['mmap', 's', 'm/f', 2 * PAGE, 'shared', 'r'], ['mmap', 'p', 'm/f', 2 * PAGE, 'private', 'rw'], ['mread', 's', PAGE, 2, 'yy'], ['mwrite', 'p', 0, 'mine'], ['forget', 0],
      ['write', 'R/to', 'the new file'], ['rename', 'R/to', 'R/f'], ['read', 'm/f', 'the new file'], ['stat', 'm/f', { size: 12, nlink: 1 }], ['fread', 'r', 0, 2, done('xx')], ['mread', 'p', 0, 5, 'minex'],
      ['fstat', 'r', done({ size: 2 * PAGE })], ['fpwrite', 'f', 0, 'OLD', done(null)], ['fchmod', 'f', 0o600, done(null)], ['ftruncate', 'f', 3, done(null)], ['futimes', 'f', 3, 4, done(null)], ['fsetxattr', 'f', 'user.x', 'X', done(null)],
      ['read', 'R/f', 'the new file'], ['read', 'm/f', 'the new file'], ['stat', 'm/f', { size: 12, mode: 0o644, mtime: 'now' }], ['listxattr', 'm/f', []], ['forget', 1], ['fpwrite', 'f', 0, 'OLD', done(null)], ['read', 'R/f', 'the new file'], ['append', 'm/f', '!'], ['read', 'm/f', 'the new file!'], ['read', 'R/f', 'the new file!'],
    ],
  }
}

export const files: readonly Case[] = [
  replaced('a file that lay on the writable branch', [], { R: { f: twoPages } }),
  replaced('a file that was copied up', [['pwrite', 'm/f', 2 * PAGE - 1, 'y']], { L: { f: twoPages } }),
  replaced('a file that was copied up by a change of attributes', [['chmod', 'm/f', 0o640]], { L: { f: twoPages } }),
  replaced('a file that was made here', [['fill', 'm/f', PAGE, 'x'], ['pwrite', 'm/f', PAGE, 'y'.repeat(PAGE)]], {}),
  replaced('a file that was renamed here', [['stat', 'm/f', 'ENOENT'], ['rename', 'm/g', 'm/f']], { R: { g: twoPages } }),
  {
    name: 'replaced on the read-only branch',
    given: { L: { f: twoPages } },
    steps: [
      ['open', 'r', 'm/f', 'RDONLY'], ['fread', 'r', 0, 2, 'xx'], ['mmap', 's', 'm/f', 2 * PAGE, 'shared', 'r'], ['mmap', 'p', 'm/f', 2 * PAGE, 'private', 'rw'], ['mread', 's', PAGE, 2, 'yy'], ['mwrite', 'p', 0, 'mine'], ['forget', 0], ['write', 'L/to', 'the new file'], ['rename', 'L/to', 'L/f'],
      ['read', 'm/f', 'the new file'], ['stat', 'm/f', { size: 12 }], ['fread', 'r', 0, 2, done('xx')], ['mread', 'p', 0, 5, 'minex'], ['fstat', 'r', done({ size: 2 * PAGE })], ['fchmod', 'r', 0o600, done(null)], ['fsetxattr', 'r', 'user.x', 'X', done(null)], ['reopen', 'w', 'r', 'RDWR', done(null)],
      ['stat', 'R/f', 'ENOENT'], ['stat', 'm/f', { size: 12, mode: 0o644 }], ['listxattr', 'm/f', []], ['append', 'm/f', '!'], ['read', 'm/f', 'the new file!'], ['read', 'R/f', 'the new file!'], ['read', 'L/f', 'the new file'], ['fread', 'r', PAGE, 2, done('yy')],
    ],
  },
  {
    name: 'removed on a branch while open and mapped; made anew with what may be the same inode number',
    given: { R: { f: twoPages }, L: { g: twoPages } },
    steps: ([['R', 'f'], ['L', 'g']] as const).flatMap(([branch, f]): Step[] => [
      ['open', 'r', `m/${f}`, branch === 'R' ? 'RDWR' : 'RDONLY'], ['fread', 'r', 0, 2, 'xx'], ['mmap', 's', `m/${f}`, PAGE, 'shared', 'r'], ['mread', 's', 0, 2, 'xx'], ['unlink', `${branch}/${f}`], ['stat', `m/${f}`, 'ENOENT'], ['fread', 'r', PAGE, 2, done('yy')], ['write', `${branch}/${f}`, 'again'], ['read', `m/${f}`, 'again'],
      ['fread', 'r', PAGE, 2, done('yy')], ['fpwrite', 'r', 0, 'OLD', branch === 'R' ? done(null) : 'EBADF'], ['fchmod', 'r', 0o600, done(null)], ['stat', `m/${f}`, { mode: 0o644 }], ['read', `m/${f}`, 'again'], ['read', `${branch}/${f}`, 'again'], ['close', 'r'],
      ...Array.from({ length: 10 }, (_, i): Step[] => [['unlink', `${branch}/${f}`], ['write', `${branch}/${f}`, `${i}`.repeat(i + 1)], ['read', `m/${f}`, `${i}`.repeat(i + 1)], ['stat', `m/${f}`, { size: i + 1 }]]).flat(),
    ]),
  },
  {
    name: 'removed from the writable branch, the lower one shows again',
    given: { L: { f: 'lower', g: 'lower' } },
    steps: ['f', 'g'].flatMap((f): Step[] => [
      ['open', 'r', `m/${f}`, 'RDWR'], ['fread', 'r', 0, 9, 'lower'], ['fpwrite', 'r', 0, 'upper file'], ['read', `m/${f}`, 'upper file'], ...(f === 'f' ? [['close', 'r']] as Step[] : []), ['forget', f === 'f' ? 0 : 1],
      ['unlink', `R/${f}`], ['read', `m/${f}`, 'lower'], ['stat', `m/${f}`, { size: 5, nlink: 1 }], ['readdir', 'm/'], ['append', `m/${f}`, '!'], ['read', `m/${f}`, 'lower!'], ['read', `R/${f}`, 'lower!'], ['read', `L/${f}`, 'lower'],
    ]),
  },
  {
    name: 'changed in place: read, mapping, size, mode, owner, times, extended attributes',
    given: { R: { f: twoPages }, L: { g: twoPages } },
    steps: ([['R', 'f'], ['L', 'g']] as const).flatMap(([branch, f]): Step[] => [
      ['stat', `m/${f}`, { size: 2 * PAGE }], ['open', 'r', `m/${f}`, 'RDONLY'], ['fread', 'r', 0, 2, 'xx'], ['mmap', 's', `m/${f}`, 2 * PAGE, 'shared', 'r'], ['mread', 's', 0, 2, 'xx'], ['pwrite', `${branch}/${f}`, 0, 'in place'], ['fread', 'r', 0, 9, 'in placex'], ['mread', 's', 0, 9, 'in placex'], ['append', `${branch}/${f}`, 'more'], ['fstat', 'r', { size: 2 * PAGE + 4 }], ['fread', 'r', 2 * PAGE, 9, 'more'], ['stat', `m/${f}`, { size: 2 * PAGE + 4 }],
      ['truncate', `${branch}/${f}`, 5], ['truncate', `${branch}/${f}`, 2 * PAGE], ['fread', 'r', 3, 4, 'pl\0\0'.slice(0, 4)], ['mread', 's', PAGE, 2, '\0\0'], ['chmod', `${branch}/${f}`, 0o600], ['stat', `m/${f}`, { mode: 0o600 }], ['chown', `${branch}/${f}`, 5, 6], ['fstat', 'r', { uid: 5, gid: 6 }], ['utimes', `${branch}/${f}`, 3, 4], ['stat', `m/${f}`, { mtime: 4 }], ['listxattr', `m/${f}`, []], ['setxattr', `${branch}/${f}`, 'user.x', 'X'], ['listxattr', `m/${f}`, ['user.x']],
    ]),
  },
  {
    name: 'hard links: made, removed, renamed and replaced',
    given: { R: { a: 'AA', b: hardlink('a') }, L: { c: 'CC', d: hardlink('c') } },
    steps: ([['R', 'a', 'b'], ['L', 'c', 'd']] as const).flatMap(([branch, a, b]): Step[] => [
      ['stat', `m/${a}`, { nlink: 2, ino: `=${a}` }], ['stat', `m/${b}`, { nlink: 2, ino: `=${a}` }], ['read', `m/${b}`, branch === 'R' ? 'AA' : 'CC'], ['link', `${branch}/${b}`, `${branch}/${b}2`], ['stat', `m/${a}`, { nlink: 3 }], ['stat', `m/${b}2`, { nlink: 3, ino: `=${a}` }],
      ['rename', `${branch}/${a}`, `${branch}/${a}3`], ['stat', `m/${a}3`, { nlink: 3, ino: `=${a}` }], ['stat', `m/${b}`, { nlink: 3 }], ['stat', `m/${a}`, 'ENOENT'], ['stat', `m/${b}`, { nlink: 3 }], ['write', `${branch}/x`, 'new'], ['rename', `${branch}/x`, `${branch}/${b}`], ['read', `m/${b}`, 'new'], ['stat', `m/${b}`, { nlink: 1, ino: `!${a}` }],
      ['stat', `m/${a}3`, { nlink: 2 }], ['unlink', `${branch}/${a}3`], ['stat', `m/${a}3`, 'ENOENT'], ['stat', `m/${b}2`, { nlink: 1, ino: `=${a}` }], ['append', `m/${b}2`, '!'], ['read', `m/${b}2`, `${branch === 'R' ? 'AA' : 'CC'}!`], ['read', `m/${b}`, 'new'],
    ]),
  },
]

export const directories: readonly Case[] = [
  {
    name: 'a directory of the writable branch moved away and another put in its place',
    given: { R: { d: { x: 'old', s: { y: 'old' } }, n: { x: 'new', z: 'Z' }, e: { f: twoPages } } },
    steps: [
      ['read', 'm/d/x', 'old'], ['readdir', 'm/d', ['s', 'x']], ['read', 'm/d/s/y', 'old'], ['stat', 'm/d/z', 'ENOENT'], ['open', 'd', 'm/d', 'RDONLY|DIRECTORY'], ['open', 's', 'm/d/s', 'RDONLY|DIRECTORY'], ['open', 'x', 'm/d/x', 'RDWR'], ['fread', 'x', 0, 9, 'old'], ['forget', 0],
      ['rename', 'R/d', 'R/away'], ['rename', 'R/n', 'R/d'], ['read', 'm/d/x', 'new'], ['read', 'm/d/z', 'Z'], ['readdir', 'm/d', ['x', 'z']], ['stat', 'm/d/s', 'ENOENT'], ['write', 'm/d/made', 'M'], ['read', 'R/d/made', 'M'], ['stat', 'R/away/made', 'ENOENT'], ['readdir', 'm/', ['away', 'd', 'e']],
      ['fread', 'x', 0, 9, done('old')], ['fpwrite', 'x', 0, 'OLD', done(null)], ['read', 'm/d/x', 'new'], ['read', 'R/d/x', 'new'], ['openat', 'q', 'd', 'by fd', 'WRONLY|CREAT', done(null)], ['openat', 'q', 's', 'by fd', 'WRONLY|CREAT', done(null)], ['stat', 'R/d/by fd', 'ENOENT'], ['readdir', 'R/d', ['made', 'x', 'z']], ['stat', 'm/away/s/y', { size: 3 }], ['read', 'm/away/s/y', 'old'],
    ],
  },
  {
    name: 'a merged directory whose parts are replaced, one after the other',
    given: { R: { d: { r: 'R' }, n: { r: 'new R' } }, L: { d: { l: 'L', x: 'X' }, k: { l: 'new L' } } },
    steps: [
      ['readdir', 'm/d', ['l', 'r', 'x']], ['read', 'm/d/r', 'R'], ['read', 'm/d/l', 'L'], ['open', 'd', 'm/d', 'RDONLY|DIRECTORY'], ['rename', 'R/d', 'R/old'], ['rename', 'R/n', 'R/d'], ['read', 'm/d/r', 'new R'], ['readdir', 'm/d', ['l', 'r', 'x']], ['write', 'm/d/made', 'M'], ['read', 'R/d/made', 'M'],
      ['rename', 'L/d', 'L/old'], ['rename', 'L/k', 'L/d'], ['read', 'm/d/l', 'new L'], ['readdir', 'm/d', ['l', 'made', 'r']], ['stat', 'm/d/x', 'ENOENT'], ['append', 'm/d/l', '!'], ['read', 'R/d/l', 'new L!'], ['readdir', 'm/old', ['l', 'r', 'x']], ['exec', 'rm', '-r', 'L/d'], ['readdir', 'm/d', ['l', 'made', 'r']], ['exec', 'rm', '-r', 'R/d'], ['stat', 'm/d', 'ENOENT'],
    ],
  },
  {
    name: 'the upper part of a merged directory removed or moved away, then other directories come and go',
    given: { R: { d: { r: 'R' }, e: { r: 'R' } }, L: { d: { l: 'L' }, e: { l: 'L' } } },
    steps: [
      ['readdir', 'm/d', ['l', 'r']], ['readdir', 'm/e', ['l', 'r']], ['exec', 'rm', '-r', 'R/d'], ['rename', 'R/e', 'R/moved'], ['readdir', 'm/d', ['l']], ['readdir', 'm/e', ['l']], ['write', 'm/d/n', 'N'], ['read', 'R/d/n', 'N'], ['write', 'm/e/n', 'N'], ['read', 'R/e/n', 'N'], ['stat', 'R/moved/n', 'ENOENT'], ['readdir', 'm/moved', ['r']], ['readdir', 'R/moved', ['r']],
      ['exec', 'rm', '-r', 'm/e'], ['exec', 'rm', '-r', 'm/moved'], ...Array.from({ length: 8 }, (_, i): Step[] => [['mkdir', `m/k${i}`], ['write', `m/k${i}/x`, 'X'], ['read', `R/k${i}/x`, 'X']]).flat(),
    ],
  },
  {
    name: 'a working directory that is moved and replaced on its branch',
    given: { R: { d: { s: {} }, n: {} } },
    steps: [
      ['stat', 'm/d/s'], ['parallel', [
        ['chdir', 'm/d/s'], ['write', 'before', 'B'], ['rename', '../../../../R/d', '../../../../R/away'], ['write', 'after', 'A', done(null)], ['rename', '../../../../R/n', '../../../../R/d'], ['stat', '../../../../m/d', { type: 'dir' }],
        ['stat', '../../../../m/away/s/before', { size: 1 }], ['write', 'last', 'L', done(null)], ['stat', '.', done({ type: 'dir' })], ['readdir', '.'],
      ]], ['readdir', 'R/d', []], ['readdir', 'm/d', []], ['forget', 0], ['write', 'm/d/x', 'X'], ['read', 'R/d/x', 'X'],
    ],
  },
  {
    name: 'a working directory that loses its upper part, then its lower one',
    given: { R: { d: { r: 'R' } }, L: { d: { l: 'L', k: 'K' } } },
    steps: [
      ['stat', 'm/d'], ['parallel', [
        ['chdir', 'm/d'], ['readdir', '.', ['k', 'l', 'r']], ['read', 'r', 'R'], ['exec', 'rm', '-r', '../../../R/d'], ['stat', '.', { type: 'dir' }], ['readdir', '.', ['k', 'l']], ['stat', 'r', 'ENOENT'], ['read', 'l', 'L'], ['write', 'n', 'N'], ['read', '../../../R/d/n', 'N'], ['readdir', '.', ['k', 'l', 'n']],
        ['exec', 'rm', '-r', '../../../L/d', '../../../R/d'], ['stat', 'l', 'ENOENT'], ['write', 'x', 'X', done(null)],
      ]], ['stat', 'm/d', 'ENOENT'], ['mkdir', 'm/d'], ['readdir', 'm/d', []],
    ],
  },
]

export const others: readonly Case[] = [
  {
    name: 'the read-only branch changed through a union that writes to it',
    given: { L: { f: twoPages, g: 'G', h: 'H', d: { x: 'X', y: 'Y' } } },
    steps: [
      ['stat', 'm/f'], ['open', 'f', 'm/f', 'RDONLY'], ['fread', 'f', 0, 2, 'xx'], ['mmap', 's', 'm/f', 2 * PAGE, 'shared', 'r'], ['mread', 's', 0, 2, 'xx'], ['read', 'm/g', 'G'], ['read', 'm/h', 'H'], ['readdir', 'm/d', ['x', 'y']], ['stat', 'm/d/n', 'ENOENT'],
      ['pwrite', 'p/f', 0, 'by p'], ['fread', 'f', 0, 5, 'by px'], ['mread', 's', 0, 5, 'by px'], ['truncate', 'p/f', 2], ['fstat', 'f', { size: 2 }], ['unlink', 'p/g'], ['stat', 'm/g', 'ENOENT'], ['write', 'p/new', 'new'], ['rename', 'p/new', 'p/h'], ['read', 'm/h', 'new'], ['rename', 'p/d/x', 'p/d/n'], ['read', 'm/d/n', 'X'], ['readdir', 'm/d', ['n', 'y']], ['stat', 'm/d/x', 'ENOENT'],
      ['rename', 'p/d', 'p/e'], ['readdir', 'm/e', ['n', 'y']], ['stat', 'm/d', 'ENOENT'], ['mkdir', 'p/d'], ['readdir', 'm/d', []], ['append', 'm/e/y', '!'], ['read', 'p/e/y', 'Y'], ['read', 'm/e/y', 'Y!'],
    ],
  },
]

/** The lower branch is `rr`: what is known of it is kept for ever, until it has been copied up. */
export const trusted: readonly Case[] = [
  {
    name: 'copied up from a branch that never changes, then changed directly',
    given: { L: { d: { f: 'lower', x: 'X' }, g: 'lower', h: 'lower', e: { y: 'Y' } } },
    steps: [
      ['read', 'm/g', 'lower'], ['read', 'm/h', 'lower'], ['read', 'm/d/f', 'lower'], ['readdir', 'm/d', ['f', 'x']], ['stat', 'm/d/n', 'ENOENT'], ['stat', 'm/e/n', 'ENOENT'], ['append', 'm/g', '!'], ['append', 'm/h', '!'], ['append', 'm/d/f', '!'], ['chmod', 'm/e', 0o700],
      ['write', 'R/new', 'new'], ['rename', 'R/new', 'R/g'], ['read', 'm/g', 'new'], ['unlink', 'R/h'], ['read', 'm/h', 'lower'], ['write', 'R/d/n', 'N'], ['read', 'm/d/n', 'N'], ['write', 'R/e/n', 'N'], ['read', 'm/e/n', 'N'], ['readdir', 'm/d', ['f', 'n', 'x']], ['pwrite', 'R/d/f', 0, 'UP'], ['read', 'm/d/f', 'UPwer!'], ['exec', 'rm', '-r', 'R/d'], ['read', 'm/d/f', 'lower'], ['stat', 'm/d/n', 'ENOENT'],
    ],
  },
]

/** The branch's times are coarse: two changes may have one. */
export const coarse: readonly Case[] = [
  {
    name: 'a list read between two changes at the same time',
    given: {},
    steps: Array.from({ length: 40 }, (_, i): Step[] => [
      ['mkdir', `R/d${i}`], ['write', `R/d${i}/a`, 'A'], ['readdir', `m/d${i}`, ['a']], ['write', `R/d${i}/b`, 'B'], ['readdir', `m/d${i}`, ['a', 'b']], ['rename', `R/d${i}/a`, `R/d${i}/c`], ['readdir', `m/d${i}`, ['b', 'c']], ['read', `m/d${i}/c`, 'A'], ['unlink', `R/d${i}/b`], ['unlink', `R/d${i}/c`], ['rmdir', `m/d${i}`],
    ]).flat(),
  },
]
