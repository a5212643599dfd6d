/**
 * Two unions on one read-only branch `L`, each with a writable branch of its own: whatever one does, the other does not see,
 * and `L` stays as it was. `m` has the file open, mapped, listed, or knows that it is missing; `n` changes it.
 */
import t from 'tap'
import { existsSync } from 'node:fs'
import type { Step } from '../helpers/steps.js'
import { hardlink, symlink } from '../helpers/tree.js'
import { modes, nameOf, runCases, type Case } from './bed.js'

t.setTimeout(600_000)
const PAGE = 4096
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'
const twoPages = { type: 'file', content: 'x'.repeat(PAGE) + 'y'.repeat(PAGE) } as const

/** All ways to have `path` of a union known, under names beginning with `as`. */
const hold = (path: string, as: string): Step[] => [
  ['stat', path, { size: 2 * PAGE, mtime: 'kept' }], ['open', `${as}r`, path, 'RDONLY'], ['fread', `${as}r`, 0, 2, 'xx'], ['mmap', `${as}s`, path, 2 * PAGE, 'shared', 'r'], ['mmap', `${as}p`, path, 2 * PAGE, 'private', 'rw'],
  ['mread', `${as}s`, PAGE, 2, 'yy'], ['mwrite', `${as}p`, 0, 'mine'],
]
/** What was held is as on the branch. */
const same = (path: string, as: string): Step[] => [
  ['stat', path, { size: 2 * PAGE, mtime: 'kept' }], ['fstat', `${as}r`, { size: 2 * PAGE, nlink: 1 }], ['fread', `${as}r`, PAGE - 2, 4, 'xxyy'], ['mread', `${as}s`, 0, 2, 'xx'], ['mread', `${as}s`, PAGE, 2, 'yy'], ['mread', `${as}p`, 0, 5, 'minex'], ['mread', `${as}p`, PAGE, 2, 'yy'],
]

const cases: readonly Case[] = [
  {
    name: 'written, truncated, removed and replaced in one while the other has it open and mapped',
    given: { L: { f: twoPages, g: twoPages, h: twoPages, k: twoPages } },
    intact: ['L'],
    steps: [
      ...['f', 'g', 'h', 'k'].flatMap((f) => [...hold(`m/${f}`, f), ...hold(`n/${f}`, `n${f}`)]), ['forget', 0],
      ['pwrite', 'n/f', 0, 'new'], ['truncate', 'n/g', 1], ['unlink', 'n/h'], ['write', 'n/new', 'N'], ['rename', 'n/new', 'n/k'], ['forget', 1],
      ...['f', 'g', 'h', 'k'].flatMap((f) => same(`m/${f}`, f)), ['readdir', 'm/', ['f', 'g', 'h', 'k']], ['readdir', 'n/', ['f', 'g', 'k']],
      ['fread', 'nfr', 0, 4, 'newx'], ['mread', 'nfs', 0, 4, 'newx'], ['fstat', 'ngr', { size: 1 }], ['stat', 'n/h', 'ENOENT'], ['fread', 'nhr', PAGE, 2, 'yy'], ['read', 'n/k', 'N'], ['fread', 'nkr', 0, 2, 'xx'],
      ['pwrite', 'm/f', 0, 'own'], ['fread', 'fr', 0, 4, 'ownx'], ['mread', 'fs', 0, 4, 'ownx'], ['fread', 'nfr', 0, 4, 'newx'], ['mread', 'nfs', 0, 4, 'newx'], ['pwrite', 'm/h', PAGE, 'own'], ['fread', 'nhr', PAGE, 2, 'yy'], ['stat', 'n/h', 'ENOENT'], ['read', 'S/k', 'N'], ['stat', 'R/k', 'ENOENT'],
    ],
  },
  {
    name: 'shared mappings of one file written in both',
    given: { L: { f: twoPages } },
    intact: ['L'],
    steps: [
      ['mmap', 'm', 'm/f', 2 * PAGE, 'shared', 'rw'], ['mmap', 'n', 'n/f', 2 * PAGE, 'shared', 'rw'], ['mmap', 'l', 'L/f', 2 * PAGE, 'shared', 'r'], ['mwrite', 'm', 0, 'from m'], ['mwrite', 'n', 0, 'from n'], ['mwrite', 'n', PAGE, 'from n'], ['mread', 'l', 0, 2, 'xx'],
      ['msync', 'm'], ['msync', 'n'], ['mread', 'l', 0, 2, 'xx'], ['mread', 'l', PAGE, 2, 'yy'], ['mread', 'm', 0, 7, 'from mx'], ['mread', 'm', PAGE, 2, 'yy'], ['mread', 'n', 0, 7, 'from nx'], ['open', 'm', 'm/f', 'RDONLY'], ['fread', 'm', 0, 7, 'from mx'], ['open', 'n', 'n/f', 'RDONLY'], ['fread', 'n', PAGE, 7, 'from ny'],
    ],
  },
  {
    name: 'names and lists: made, removed and renamed in one, known or known to be missing in the other',
    given: { L: { d: { a: 'A', b: 'B', s: { x: 'X' } }, l: symlink('d') } },
    intact: ['L'],
    steps: [
      ...['m', 'n'].flatMap((m): Step[] => [['readdir', `${m}/d`, ['a', 'b', 's']], ['readdir', `${m}/d/s`, ['x']], ['stat', `${m}/d/no`, 'ENOENT'], ['stat', `${m}/d/s/no`, 'ENOENT'], ['read', `${m}/l/a`, 'A'], ['opendir', m, `${m}/d`], ['dirnext', m, 2]]),
      ['write', 'n/d/no', 'N'], ['unlink', 'n/d/a'], ['rename', 'n/d/s', 'n/t'], ['symlink', 't', 'n/new'], ['rename', 'n/new', 'n/l'], ['forget', 0],
      ['readdir', 'm/d', ['a', 'b', 's']], ['stat', 'm/d/no', 'ENOENT'], ['read', 'm/d/a', 'A'], ['readdir', 'm/d/s', ['x']], ['stat', 'm/t', 'ENOENT'], ['readlink', 'm/l', 'd'], ['read', 'm/l/a', 'A'], ['rewinddir', 'm'], ['dirrest', 'm', ['a', 'b', 's']],
      ['readdir', 'n/d', ['b', 'no']], ['read', 'n/d/no', 'N'], ['stat', 'n/d/a', 'ENOENT'], ['read', 'n/t/x', 'X'], ['read', 'n/l/x', 'X'], ['rewinddir', 'n'], ['dirrest', 'n', ['b', 'no']],
      ['rename', 'm/d', 'm/e'], ['readdir', 'm/e', ['a', 'b', 's']], ['stat', 'm/d', 'ENOENT'], ['readdir', 'n/d', ['b', 'no']], ['mkdir', 'm/d'], ['readdir', 'm/d', []], ['write', 'm/d/no', 'M'], ['read', 'n/d/no', 'N'], ['readdir', 'm/', ['d', 'e', 'l']], ['readdir', 'n/', ['d', 'l', 't']],
    ],
  },
  {
    name: 'a link group copied up in one',
    given: { L: { a: 'AA', b: hardlink('a') } },
    intact: ['L'],
    steps: [
      ...['m', 'n'].flatMap((m): Step[] => [['stat', `${m}/a`, { nlink: 2, size: 2 }], ['stat', `${m}/b`, { nlink: 2, size: 2 }], ['open', m, `${m}/b`, 'RDONLY'], ['fread', m, 0, 9, 'AA']]),
      ['append', 'n/a', 'n'], ['fstat', 'n', { nlink: 2, size: 3 }], ['fread', 'n', 0, 9, 'AAn'], ['link', 'n/a', 'n/c'], ['unlink', 'n/b'], ['unlink', 'n/a'], ['forget', 0], ['fstat', 'n', { nlink: 1 }], ['stat', 'm/b', { nlink: 2, size: 2 }], ['fstat', 'm', { nlink: 2, size: 2 }], ['read', 'm/a', 'AA'], ['stat', 'm/c', 'ENOENT'],
      ['unlink', 'm/a'], ['fstat', 'm', { nlink: 1 }], ['append', 'm/b', 'm'], ['fread', 'm', 0, 9, 'AAm'], ['read', 'n/c', 'AAn'],
    ],
  },
  {
    name: 'attributes and extended attributes changed in one',
    given: { L: { f: twoPages, d: {} } },
    intact: ['L'],
    steps: [
      ...['m', 'n'].flatMap((m): Step[] => [['stat', `${m}/f`, { mode: 0o644, uid: 0 }], ['listxattr', `${m}/f`, []], ['stat', `${m}/d`, { mode: 0o755 }]]),
      ['chmod', 'n/f', 0o600], ['chown', 'n/f', 7, 8], ['utimes', 'n/f', 3, 4], ['setxattr', 'n/f', 'user.n', 'N'], ['chmod', 'n/d', 0o700], ['setxattr', 'n/d', 'user.n', 'N'],
      ['stat', 'm/f', { mode: 0o644, uid: 0, mtime: 'kept' }], ['listxattr', 'm/f', []], ['stat', 'm/d', { mode: 0o755 }], ['listxattr', 'm/d', []], ['stat', 'n/f', { mode: 0o600, uid: 7, gid: 8, mtime: 4 }], ['listxattr', 'n/f', ['user.n']], ['stat', 'n/d', { mode: 0o700 }],
    ],
  },
]

for (const mode of modes()) {
  for (const perm of mode.few ? ['ro'] : ['ro', 'rr']) {
    await t.test(`${nameOf(mode)}, shared as ${perm}`, { skip: reason }, (t) => runCases(t, mode, { m: `R=rw:L=${perm}`, n: `S=rw:L=${perm}` }, cases))
  }
}
