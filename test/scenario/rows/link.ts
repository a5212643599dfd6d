/** Hard links: groups stay whole across copy-up, removal, rename and remount. */
import { file, hardlink, symlink } from '../../helpers/tree.js'
import type { Row } from '../row.js'

const BROKEN = { 'fuse-overlayfs': 'copy-up breaks hard links' } as const

export const linkRows: readonly Row[] = [
  {
    name: 'link to a lower file',
    given: { L1: { a: 'A' } },
    steps: [['stat', 'a', { ino: '=i', nlink: 1 }], ['link', 'a', 'b'], ['stat', 'a', { ino: '=i', nlink: 2 }], ['stat', 'b', { ino: '=i', nlink: 2 }], ['append', 'b', '!'], ['read', 'a', 'A!']],
    merged: { a: 'A!', b: 'A!' },
    differs: { ...BROKEN },
  },
  {
    name: 'one more link to a lower group of two',
    given: { L1: { a: 'A', b: hardlink('a') } },
    steps: [['link', 'b', 'c'], ['stat', 'a', { ino: '=i', nlink: 3 }], ['stat', 'b', { ino: '=i', nlink: 3 }], ['stat', 'c', { ino: '=i', nlink: 3 }], ['rewrite', 'a', 'N'], ['read', 'c', 'N'], ['read', 'b', 'N']],
    merged: { a: 'N', b: 'N', c: 'N' },
    differs: { ...BROKEN },
  },
  {
    name: 'unlink members of a lower group',
    given: { L1: { a: 'A', b: hardlink('a'), c: hardlink('a') } },
    steps: [['unlink', 'b'], ['stat', 'a', { nlink: 2, ino: '=i' }], ['append', 'c', '!'], ['read', 'a', 'A!'], ['stat', 'a', { nlink: 2, ino: '=i' }], ['unlink', 'a'], ['stat', 'c', { nlink: 1, ino: '=i' }], ['read', 'c', 'A!']],
    merged: { c: 'A!' },
    differs: { ...BROKEN },
  },
  {
    name: 'a member of a lower group removed and made anew is another file',
    given: { L1: { a: 'A', b: hardlink('a') } },
    steps: [['unlink', 'a'], ['write', 'a', 'new'], ['stat', 'a', { nlink: 1, ino: '=n' }], ['stat', 'b', { nlink: 1, ino: '!n' }], ['append', 'b', '!'], ['read', 'a', 'new'], ['read', 'b', 'A!']],
    merged: { a: 'new', b: 'A!' },
    differs: { ...BROKEN },
  },
  {
    name: 'a lower group over directories, looked up after the copy-up only',
    given: { L1: { d: { a: 'A' }, e: { b: hardlink('d/a') } } },
    steps: [['append', 'd/a', '!'], ['dropcaches'], ['read', 'e/b', 'A!'], ['chmod', 'e/b', 0o600], ['stat', 'd/a', { mode: 0o600, nlink: 2 }], ['unlink', 'd/a'], ['dropcaches'], ['read', 'e/b', 'A!'], ['stat', 'e/b', { nlink: 1 }]],
    merged: { d: {}, e: { b: 'A!' } },
    differs: { ...BROKEN },
  },
  {
    name: 'a file open by a name that is gone, seen by its other one',
    given: { R: { a: 'A', b: hardlink('a') }, L1: { c: 'C', d: hardlink('c') } },
    steps: [
      ['open', 'f', 'a', 'RDWR'], ['open', 'g', 'c', 'RDWR'], ['unlink', 'a'], ['unlink', 'c'], ['read', 'b', 'A'], ['read', 'd', 'C'],
      ['fpwrite', 'f', 1, 'fter'], ['fpwrite', 'g', 1, 'ounts'], ['read', 'b', 'After'], ['read', 'd', 'Counts'],
      ['stat', 'b', { size: 5, nlink: 1, ino: '=i' }], ['fstat', 'f', { size: 5, nlink: 1, ino: '=i' }],
      ['stat', 'd', { size: 6, nlink: 1, ino: '=j' }], ['fstat', 'g', { size: 6, nlink: 1, ino: '=j' }],
    ],
    merged: { b: 'After', d: 'Counts' },
  },
  {
    name: 'rename within and over a lower group',
    given: { L1: { a: 'A', b: hardlink('a'), c: 'C' } },
    steps: [['rename', 'a', 'd'], ['stat', 'd', { nlink: 2, ino: '=i' }], ['stat', 'b', { nlink: 2, ino: '=i' }], ['rename', 'c', 'b'], ['stat', 'd', { nlink: 1 }], ['read', 'b', 'C'], ['append', 'd', '!']],
    merged: { b: 'C', d: 'A!' },
    differs: { ...BROKEN },
  },
  {
    name: 'links over an existing name, to a directory, to nothing',
    given: { L1: { a: 'A', b: 'B', d: {} } },
    steps: [['link', 'a', 'b', 'EEXIST'], ['link', 'd', 'e', 'EPERM'], ['link', 'no', 'e', 'ENOENT'], ['link', 'a', 'd', 'EEXIST'], ['link', 'a', 'no/e', 'ENOENT']],
    top: { aufs: [] },
  },
  {
    name: 'link onto a removed lower name',
    given: { L1: { a: 'A', b: 'B' } },
    steps: [['unlink', 'b'], ['link', 'a', 'b'], ['read', 'b', 'A'], ['unlink', 'b'], ['stat', 'b', 'ENOENT'], ['stat', 'a', { nlink: 1 }]],
    merged: { a: 'A' },
    differs: { ...BROKEN },
  },
  {
    name: 'hard links of symbolic links and special files',
    given: { L1: { l: symlink('x'), k: hardlink('l'), p: { type: 'fifo' } } },
    steps: [['stat', 'l', { nlink: 2, ino: '=l' }], ['stat', 'k', { nlink: 2, ino: '=l' }], ['link', 'l', 'm'], ['stat', 'k', { nlink: 3, ino: '=l' }], ['link', 'p', 'q'], ['stat', 'p', { nlink: 2, ino: '=p' }], ['stat', 'q', { nlink: 2, ino: '=p' }],
      ['chown', 'k', 5, 5], ['stat', 'm', { uid: 5 }]],
    differs: { ...BROKEN },
  },
  {
    name: 'the group of a file that is on the top already',
    given: { R: { a: 'A', b: hardlink('a') }, L1: { c: 'C' } },
    steps: [['append', 'a', '!'], ['read', 'b', 'A!'], ['link', 'b', 'd'], ['rename', 'd', 'c'], ['stat', 'c', { nlink: 3, ino: '=i' }], ['stat', 'a', { ino: '=i' }]],
    merged: { a: 'A!', b: 'A!', c: 'A!' },
    top: { aufs: ['a', 'b', 'c'] },
  },
  {
    name: 'attributes set through one name are seen through the other',
    given: { L1: { a: file('A', { mode: 0o644, xattrs: { 'user.k': 'v' } }), b: hardlink('a') } },
    steps: [['chmod', 'a', 0o600], ['setxattr', 'b', 'user.k', 'w'], ['getxattr', 'a', 'user.k', 'w'], ['stat', 'b', { mode: 0o600 }], ['utimes', 'b', 7, 8], ['stat', 'a', { mtime: 8 }], ['truncate', 'a', 0], ['stat', 'b', { size: 0 }]],
    differs: { ...BROKEN },
  },
  {
    name: 'a group whose members were opened before the copy-up',
    given: { L1: { a: 'AAA', b: hardlink('a') } },
    steps: [['open', 'a', 'a', 'RDONLY'], ['open', 'b', 'b', 'RDONLY'], ['open', 'w', 'b', 'RDWR'], ['fpwrite', 'w', 0, 'B'], ['fread', 'a', 0, 9, 'BAA'], ['fread', 'b', 0, 9, 'BAA'], ['unlink', 'a'], ['unlink', 'b'], ['fstat', 'a', { nlink: 0 }], ['fread', 'a', 0, 9, 'BAA']],
    merged: {},
    differs: { ...BROKEN },
  },
  {
    name: 'noplink: a link group is broken by copy-up, both files stay readable',
    given: { L1: { a: 'A', b: hardlink('a') } },
    mount: 'R=rw:L1=ro+wh,noplink',
    steps: [['append', 'a', '!'], ['read', 'a', 'A!']],
  },
]
