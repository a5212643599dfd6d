/**
 * What the fault and crash tests do: operations as rows. `given` is what lies in the row's directory on the branches
 * R (rw) and L (ro+wh); `before` is done through the mount first; `act` is the one operation under test.
 */
import type { Step } from '../helpers/steps.js'
import { dir, file, hardlink, opaque, symlink, whiteout, type Tree } from '../helpers/tree.js'

export interface FaultRow {
  readonly name: string
  readonly R?: Tree
  readonly L?: Tree
  readonly before?: readonly Step[]
  /** The steps of one operation; only the last may change anything. */
  readonly act: readonly Step[]
  /** Mount option the row needs. */
  readonly io?: 'passthrough'
  /** A failure may also leave the new state: data that was cut off cannot be brought back when a later step fails. */
  readonly mayEndDone?: true
  /** The same, for the last call only: the kernel asks for a new file's attributes once more when its CREATE is answered. */
  readonly lastIsLate?: true
  /** Also crashed at every call (test/crash). */
  readonly crash?: true
}

const BIG = { type: 'file', content: '0123456789abcdef', times: 40 * 1024 } as const
const XATTRS = { 'user.k': 'v' }
const lowDir: Tree = { d: { e: { f: 'low' }, g: 'low g' } }
const group: Tree = { f: 'linked', g: hardlink('f') }
/** A merged directory that is empty in the union: all it has below is whited out above. */
const emptied: { readonly R: Tree; readonly L: Tree } = {
  R: { d: { x: whiteout, y: whiteout } }, L: { d: { x: 'x', y: 'y' } },
}

export const rows: readonly FaultRow[] = [
  // ---- new names
  { name: 'create in an upper directory', R: { d: {} }, act: [['create', 'd/n']], lastIsLate: true },
  { name: 'create in a lower directory', L: lowDir, act: [['create', 'd/e/n']], lastIsLate: true },
  {
    name: 'create over a whiteout',
    R: { n: whiteout }, L: { n: 'old' }, act: [['create', 'n']], lastIsLate: true, crash: true,
  },
  { name: 'mkdir', L: lowDir, act: [['mkdir', 'd/n']] },
  { name: 'mkdir over a whiteout', R: { n: whiteout }, L: { n: { x: 'old' } }, act: [['mkdir', 'n']], crash: true },
  { name: 'mknod', L: lowDir, act: [['mknod', 'd/n', 'fifo']] },
  { name: 'mknod over a whiteout', R: { n: whiteout }, L: { n: 'old' }, act: [['mknod', 'n', 'char:1:3']] },
  { name: 'symlink', L: lowDir, act: [['symlink', 'target', 'd/n']] },
  { name: 'symlink over a whiteout', R: { n: whiteout }, L: { n: 'old' }, act: [['symlink', 'target', 'n']] },
  { name: 'link of an upper file', R: { f: 'up' }, L: lowDir, act: [['link', 'f', 'd/n']] },
  { name: 'link of a lower file', L: { f: 'low', ...lowDir }, act: [['link', 'f', 'd/n']], crash: true },
  {
    name: 'link of a lower file over a whiteout',
    R: { n: whiteout }, L: { f: 'low', n: 'old' }, act: [['link', 'f', 'n']], crash: true,
  },
  { name: 'link of a lower group', L: group, act: [['link', 'f', 'n']], crash: true },
  { name: 'link of a copied-up group', L: group, before: [['chmod', 'f', 0o600]], act: [['link', 'g', 'n']], crash: true },
  { name: 'O_TMPFILE and linkat', L: lowDir, act: [['open', 'h', 'd', 'RDWR|TMPFILE'], ['linkfd', 'h', 'd/n']] },

  // ---- names taken away
  { name: 'unlink of an upper file', R: { f: 'up' }, act: [['unlink', 'f']] },
  { name: 'unlink of a lower file', L: lowDir, act: [['unlink', 'd/e/f']] },
  { name: 'unlink of a file on both', R: { f: 'up' }, L: { f: 'low' }, act: [['unlink', 'f']], crash: true },
  { name: 'unlink of an upper link', R: group, act: [['unlink', 'f']] },
  { name: 'unlink of a lower link', L: group, act: [['unlink', 'f']], crash: true },
  {
    name: 'unlink of a link of a copied-up group',
    L: group, before: [['chmod', 'f', 0o600]], act: [['unlink', 'f']], crash: true,
  },
  {
    name: 'unlink of the other link of a copied-up group',
    L: group, before: [['chmod', 'f', 0o600]], act: [['unlink', 'g']],
  },
  { name: 'rmdir of an upper directory', R: { d: {} }, act: [['rmdir', 'd']] },
  { name: 'rmdir of a lower directory', L: { d: dir({}) }, act: [['rmdir', 'd']], crash: true },
  { name: 'rmdir of a merged directory', R: { d: {} }, L: { d: {} }, act: [['rmdir', 'd']], crash: true },
  { name: 'rmdir of a merged directory with whiteouts', ...emptied, act: [['rmdir', 'd']], crash: true },
  { name: 'rmdir of an opaque directory', R: { d: opaque({}) }, L: { d: { x: 'x' } }, act: [['rmdir', 'd']], crash: true },

  // ---- rename
  { name: 'rename of an upper file', R: { a: 'up' }, act: [['rename', 'a', 'b']] },
  { name: 'rename of a lower file', L: { a: 'low', ...lowDir }, act: [['rename', 'a', 'd/b']], crash: true },
  { name: 'rename of a file on both', R: { a: 'up' }, L: { a: 'low' }, act: [['rename', 'a', 'b']], crash: true },
  { name: 'rename of a lower link', L: group, act: [['rename', 'f', 'b']], crash: true },
  { name: 'rename of a lower file over a lower file', L: { a: 'A', b: 'B' }, act: [['rename', 'a', 'b']], crash: true },
  { name: 'rename of a lower file over an upper file', R: { b: 'B' }, L: { a: 'A' }, act: [['rename', 'a', 'b']] },
  {
    name: 'rename over a link of a copied-up group',
    R: { a: 'A' }, L: group, before: [['chmod', 'f', 0o600]], act: [['rename', 'a', 'g']], crash: true,
  },
  { name: 'rename over a whiteout', R: { b: whiteout }, L: { a: 'A', b: 'B' }, act: [['rename', 'a', 'b']], crash: true },
  { name: 'rename of an upper directory', R: { a: { x: 'up' } }, act: [['rename', 'a', 'b']] },
  { name: 'rename of a lower directory', L: { a: { x: 'low', y: { z: 'z' } } }, act: [['rename', 'a', 'b']], crash: true },
  {
    name: 'rename of a merged directory',
    R: { a: { x: 'up' } }, L: { a: { y: 'low' } }, act: [['rename', 'a', 'b']], crash: true,
  },
  {
    name: 'rename of an upper directory over an emptied one', R: { ...emptied.R, a: { z: 'up' } }, L: emptied.L,
    act: [['rename', 'a', 'd']], crash: true,
  },
  {
    name: 'rename of a lower directory over an emptied one', R: emptied.R, L: { ...emptied.L, a: { z: 'low' } },
    act: [['rename', 'a', 'd']], crash: true,
  },
  {
    name: 'rename of a directory over a whiteout',
    R: { b: whiteout, a: { x: 'up' } }, L: { b: { y: 'low' } }, act: [['rename', 'a', 'b']], crash: true,
  },
  { name: 'exchange of lower files', L: { a: 'A', b: 'B' }, act: [['rename2', 'a', 'b', 'EXCHANGE']], crash: true },
  {
    name: 'exchange of a file and a lower directory',
    R: { a: 'A' }, L: { b: { x: 'low' } }, act: [['rename2', 'a', 'b', 'EXCHANGE']], crash: true,
  },
  { name: 'rename with NOREPLACE', L: { a: 'A' }, act: [['rename2', 'a', 'b', 'NOREPLACE']] },

  // ---- attributes and data
  { name: 'chmod of an upper file', R: { f: 'up' }, act: [['chmod', 'f', 0o600]] },
  {
    name: 'chmod of a lower file',
    L: { d: { f: file('low', { xattrs: XATTRS }) } }, act: [['chmod', 'd/f', 0o600]], crash: true,
  },
  { name: 'chmod of a lower group', L: group, act: [['chmod', 'f', 0o600]], crash: true },
  {
    name: 'chmod of a lower directory',
    L: { d: dir({ e: dir({ x: 'x' }, { xattrs: XATTRS }) }) }, act: [['chmod', 'd/e', 0o700]], crash: true,
  },
  { name: 'chown of a lower file', L: { f: 'low' }, act: [['chown', 'f', 7, 8]] },
  { name: 'chown of a lower symlink', L: { f: symlink('x') }, act: [['chown', 'f', 7, 8]], crash: true },
  { name: 'utimes of a lower file', L: { f: 'low' }, act: [['utimes', 'f', 1000, 2000]] },
  { name: 'truncate of a lower file', L: { f: 'low content' }, act: [['truncate', 'f', 3]], crash: true, mayEndDone: true },
  { name: 'truncate of an upper file', R: { f: 'up content' }, act: [['truncate', 'f', 3]], mayEndDone: true },
  { name: 'setxattr on a lower file', L: { f: file('low', { xattrs: XATTRS }) }, act: [['setxattr', 'f', 'user.n', 'v2']] },
  { name: 'setxattr on an upper file', R: { f: 'up' }, act: [['setxattr', 'f', 'user.n', 'v2']] },
  { name: 'removexattr on a lower file', L: { f: file('low', { xattrs: XATTRS }) }, act: [['removexattr', 'f', 'user.k']] },
  { name: 'write to a lower file', L: { d: { f: 'low content' } }, act: [['pwrite', 'd/f', 0, 'NEW']], crash: true },
  { name: 'write to a lower group', L: group, act: [['pwrite', 'g', 0, 'NEW']], crash: true },
  { name: 'write to an upper file', R: { f: 'up content' }, act: [['pwrite', 'f', 0, 'NEW']] },
  { name: 'write to a big lower file', L: { f: BIG }, act: [['pwrite', 'f', 5, 'NEW']], crash: true },
  { name: 'open with O_TRUNC', L: { d: { f: 'low' } }, act: [['open', 'h', 'd/f', 'WRONLY|TRUNC']], mayEndDone: true },
  {
    name: 'open with O_TRUNC, passthrough',
    io: 'passthrough', L: { d: { f: 'low' } }, act: [['open', 'h', 'd/f', 'WRONLY|TRUNC']], mayEndDone: true,
  },
  { name: 'open for writing, passthrough', io: 'passthrough', L: { d: { f: 'low' } }, act: [['open', 'h', 'd/f', 'RDWR']] },
  {
    name: 'open of a big file for writing, passthrough',
    io: 'passthrough', L: { f: BIG }, act: [['open', 'h', 'f', 'RDWR']],
  },
  {
    name: 'create, passthrough',
    io: 'passthrough', R: { n: whiteout }, L: { n: 'old' }, act: [['create', 'n']], lastIsLate: true,
  },
  { name: 'read, passthrough', io: 'passthrough', L: { f: 'low' }, act: [['read', 'f']] },

  // ---- looking
  { name: 'read of a lower file', L: { f: 'low' }, act: [['read', 'f']] },
  {
    name: 'readdir of a merged directory',
    R: { d: { a: 'a', x: whiteout } }, L: { d: { b: 'b', x: 'x', y: {} } }, act: [['readdir', 'd']],
  },
  { name: 'readlink', L: { l: symlink('target') }, act: [['readlink', 'l']] },
  { name: 'getxattr', L: { f: file('low', { xattrs: XATTRS }) }, act: [['getxattr', 'f', 'user.k']] },
  {
    name: 'stat of a lower file in a merged directory',
    R: { d: { a: 'a' } }, L: { d: { e: { f: 'f' } } }, act: [['stat', 'd/e/f']],
  },
  { name: 'stat of a whited out name', R: { d: { a: whiteout } }, L: { d: { a: 'a' } }, act: [['stat', 'd/a']] },
]
