/** Stacks of other shapes: permissions of branches, several writable ones, whiteouts shown, changes behind our back. */
import { file, opaque, whiteout } from '../../helpers/tree.js'
import type { Row } from '../row.js'

export const branchRows: readonly Row[] = [
  {
    name: 'the transcript people know from aufs',
    given: { a: { 'a.log': 'a', 'x.log': 'a' }, b: { 'b.log': 'b', 'x.log': 'b' } },
    mount: 'a=rw:b=ro,udba=reval',
    branchesChange: true,
    steps: [['readdir', '.', ['a.log', 'b.log', 'x.log']], ['rewrite', 'x.log', 'X'], ['read', '@a/x.log', 'X'], ['read', '@b/x.log', 'b'], ['rewrite', 'b.log', 'B'], ['read', '@a/b.log', 'B'], ['read', '@b/b.log', 'b'], ['write', '@b/bb.log', ''], ['stat', 'bb.log', { size: 0 }],
      ['readdir', '.', ['a.log', 'b.log', 'bb.log', 'x.log']], ['unlink', 'a.log'], ['stat', '@a/.wh.a.log', 'ENOENT'], ['unlink', 'bb.log'], ['stat', '@a/.wh.bb.log', { size: 0 }], ['stat', '@b/bb.log', { size: 0 }]],
    merged: { 'b.log': 'B', 'x.log': 'X' },
    top: { aufs: ['.wh.bb.log', 'b.log', 'x.log'] },
  },
  {
    name: 'udba=reval: changes on the branches are seen',
    given: { R: { r: 'R' }, L1: { f: 'F', d: { x: 'X' }, gone: 'G' } },
    mount: 'R=rw:L1=ro,udba=reval',
    branchesChange: true,
    steps: [['read', 'f', 'F'], ['stat', 'no', 'ENOENT'], ['readdir', 'd', ['x']], ['stat', 'gone'], ['write', '@L1/no', 'now'], ['read', 'no', 'now'], ['write', '@L1/d/y', 'Y'], ['readdir', 'd', ['x', 'y']], ['unlink', '@L1/gone'], ['stat', 'gone', 'ENOENT'], ['rename', '@L1/f', '@L1/f2'], ['stat', 'f', 'ENOENT'], ['read', 'f2', 'F'],
      ['append', '@R/r', '!!!'], ['read', 'r', 'R!!!'], ['stat', 'r', { size: 4 }], ['chmod', '@R/r', 0o600], ['stat', 'r', { mode: 0o600 }]],
  },
  {
    name: 'a read-only stack: reading works, changing is EROFS',
    given: { L1: { f: 'F', d: { x: 'X' }, p: { type: 'fifo' } }, L2: { g: 'G' } },
    mount: 'L1=ro+wh:L2=ro',
    steps: [['readdir', '.', ['d', 'f', 'g', 'p']], ['append', 'f', 'x', 'EROFS'], ['write', 'n', '', 'EROFS'], ['unlink', 'f', 'EROFS'], ['mkdir', 'n', 'EROFS'], ['rename', 'f', 'g', 'EROFS'], ['chmod', 'f', 0, 'EROFS'], ['link', 'f', 'n', 'EROFS'], ['symlink', 'f', 'n', 'EROFS'], ['setxattr', 'f', 'user.a', 'x', 'EROFS'], ['truncate', 'f', 0, 'EROFS'], ['utimes', 'f', 1, 2, 'EROFS'],
      ['open', 'r', 'p', 'RDONLY|NONBLOCK'], ['open', 'w', 'p', 'WRONLY|NONBLOCK'], ['fwrite', 'w', 'x'], ['next', 'r', 2, 'x']],
    merged: { f: 'F', d: { x: 'X' }, p: { type: 'fifo' }, g: 'G' },
  },
  {
    name: 'rr is ro that never changes; rr+wh honours whiteouts',
    given: { R: {}, L1: { w: whiteout, d: opaque({ m: 'M' }) }, L2: { w: 'W', d: { l: 'L' }, f: 'F' } },
    mount: 'R=rw:L1=rr+wh:L2=rr',
    steps: [['readdir', '.', ['d', 'f']], ['readdir', 'd', ['m']], ['append', 'f', '!'], ['unlink', 'd/m']],
    merged: { d: {}, f: 'F!' },
    top: { aufs: ['d', 'd/.wh.m', 'f'] },
  },
  {
    name: 'a whiteout of a plain ro branch is neither seen nor obeyed, but its name stays reserved',
    given: { L1: { w: whiteout }, L2: { w: 'W' } },
    mount: 'R=rw:L1=ro:L2=ro',
    steps: [['read', 'w', 'W'], ['stat', '.wh.w', 'EPERM'], ['unlink', 'w'], ['stat', 'w', 'ENOENT']],
    merged: {},
    top: { aufs: ['.wh.w'] },
  },
  {
    name: 'two writable branches: changed where they lie, created on top',
    given: { R: { r: 'R', d: {} }, M: { m: 'M', d: { x: 'X' }, only: { y: 'Y' } }, L1: { l: 'L', m: 'lower' } },
    mount: 'R=rw:M=rw:L1=ro+wh',
    steps: [['append', 'm', '!'], ['stat', '@R/m', 'ENOENT'], ['read', '@M/m', 'M!'], ['append', 'l', '!'], ['write', 'd/new', 'N'], ['stat', '@R/d/new'], ['append', 'd/x', '!'], ['read', '@M/d/x', 'X!'], ['unlink', 'm'], ['stat', 'm', 'ENOENT'], ['unlink', 'd/x'], ['rename', 'r', 'only/r'], ['readdir', 'only', ['r', 'y']]],
    merged: { l: 'L!', d: { new: 'N' }, only: { r: 'R', y: 'Y' } },
  },
  {
    name: 'shwh on a read-only stack lists the whiteouts, which still hide',
    given: { L1: { f: whiteout, g: 'G' }, L2: { f: 'F', h: 'H' } },
    mount: 'L1=ro+wh:L2=ro+wh,shwh,ro',
    steps: [['readdir', '.', ['.wh.f', 'g', 'h']], ['stat', '.wh.f', { type: 'file', size: 0 }], ['stat', 'f', 'ENOENT']],
  },
  {
    name: 'lower branches of many layers',
    given: Object.fromEntries(['R', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((n, i) => [n, { [`only-${n}`]: n, shared: { [`in-${n}`]: n }, same: n, ...(i === 4 ? { 'only-g': whiteout } : {}) }])),
    mount: 'R=rw:a=ro+wh:b=ro+wh:c=ro+wh:d=ro+wh:e=ro+wh:f=ro+wh:g=ro+wh:h=ro+wh',
    steps: [['read', 'same', 'R'], ['readdir', 'shared', ['R', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((n) => `in-${n}`).sort()], ['stat', 'only-g', 'ENOENT'], ['unlink', 'same'], ['stat', 'same', 'ENOENT'], ['append', 'only-h', '!'], ['unlink', 'shared/in-e'], ['rename', 'shared', 'moved'], ['readdir', 'moved', ['R', 'a', 'b', 'c', 'd', 'f', 'g', 'h'].map((n) => `in-${n}`).sort()]],
  },
  {
    name: 'nosuid and the like are mount flags',
    given: { L1: { s: file('#!/bin/sh\necho ran', { mode: 0o755 }) } },
    mount: 'R=rw:L1=ro,noexec',
    steps: [['exec', 'sh', '-c', '! ./s'], ['read', 's', '#!/bin/sh\necho ran']],
  },
  {
    name: 'statfs: name limit and room of the first writable branch',
    given: {},
    only: 'tsaufs',
    steps: [['statfs', '.', { namemax: 251, bfree: '!0' }]],
  },
]
