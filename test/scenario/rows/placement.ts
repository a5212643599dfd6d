/** Where things are put on a stack with several writable branches, and that they are seen there, after a remount too. */
import { opaque, whiteout } from '../../helpers/tree.js'
import type { Row } from '../row.js'

/** Two writable branches and one that is not; `rr` begins with M. */
const RR = 'R=rw:M=rw:L1=ro+wh,create=rr'

const placement = (row: Pick<Row, 'name' | 'given' | 'steps'> & Partial<Row>): Row =>
  ({ only: 'tsaufs', alone: true, mount: RR, ...row })

export const placementRows: readonly Row[] = [
  placement({
    name: 'rr takes turns from the bottom up; a directory takes none',
    given: {},
    steps: [['create', 'a'], ['create', 'b'], ['mkdir', 'd'], ['mkdir', 'e'], ['symlink', 'x', 'c'], ['mknod', 'p', 'fifo'],
      ...['@M/a', '@R/b', '@M/d', '@M/e', '@M/c', '@R/p'].map((path) => ['stat', path] as const),
      ...['@R/a', '@M/b', '@R/d', '@R/e'].map((path) => ['stat', path, 'ENOENT'] as const)],
  }),
  placement({
    name: 'rr: an unnamed file takes a turn too, and gets its name where it is',
    given: { R: { d: {} } },
    steps: [['open', 't', 'd', 'RDWR|TMPFILE'], ['fwrite', 't', 'T'], ['linkfd', 't', 'd/t'], ['read', '@M/d/t', 'T'], ['stat', '@R/d/t', 'ENOENT']],
  }),
  placement({
    name: 'what is new is not put below a whiteout of its name',
    given: { R: { f: whiteout, d: whiteout }, L1: { f: 'F', d: { x: 'X' } } },
    steps: [['write', 'f', 'new'], ['read', '@R/f', 'new'], ['stat', '@M/f', 'ENOENT'], ['stat', '@R/.wh.f', 'ENOENT'],
      ['mkdir', 'd'], ['stat', '@R/d/.wh..wh..opq'], ['stat', '@M/d', 'ENOENT'], ['readdir', 'd', []]],
    merged: { f: 'new', d: {} },
  }),
  placement({
    name: 'on the branch of the whiteout it takes its place',
    given: { M: { f: whiteout, d: whiteout }, L1: { f: 'F', d: { x: 'X' } } },
    steps: [['write', 'f', 'new'], ['read', '@M/f', 'new'], ['stat', '@M/.wh.f', 'ENOENT'], ['create', 'n'], ['mkdir', 'd'],
      ['stat', '@M/d/.wh..wh..opq'], ['stat', '@M/.wh.d', 'ENOENT'], ['readdir', 'd', []]],
    merged: { f: 'new', d: {}, n: '' },
  }),
  placement({
    name: 'nor below an opaque parent or ancestor',
    given: { R: { d: opaque({ e: {} }) }, M: { d: { e: { old: 'O' } } } },
    steps: [['write', 'd/x', 'X'], ['write', 'd/e/y', 'Y'], ['read', '@R/d/x', 'X'], ['read', '@R/d/e/y', 'Y'], ['readdir', '@M/d/e', ['old']]],
    merged: { d: { x: 'X', e: { y: 'Y' } } },
  }),
  placement({
    name: 'nor where something else than a directory ends the merge',
    given: { R: { d: { e: {} } }, M: { d: 'file' } },
    steps: [['write', 'd/x', 'X'], ['write', 'd/e/y', 'Y'], ['read', '@R/d/x', 'X'], ['read', '@R/d/e/y', 'Y'], ['read', '@M/d', 'file']],
    merged: { d: { x: 'X', e: { y: 'Y' } } },
  }),
  placement({
    name: 'a directory copied down looks like its upper part, and is opaque where it was whited out',
    given: { R: { d: { e: {} } }, M: { d: whiteout }, L1: { d: { old: 'O' } } },
    steps: [['chmod', 'd', 0o2750], ['chown', 'd', 12, 34], ['setxattr', 'd', 'user.a', 'A'], ['write', 'd/e/x', 'X'], ['read', '@M/d/e/x', 'X'],
      ['stat', '@M/d', { mode: 0o2750, uid: 12, gid: 34 }], ['getxattr', '@M/d', 'user.a', 'A'], ['stat', '@M/d/.wh..wh..opq'],
      ['stat', '@M/.wh.d', 'ENOENT'], ['stat', '@M/d/e/.wh..wh..opq', 'ENOENT'], ['readdir', 'd', ['e']]],
    merged: { d: { e: { x: 'X' } } },
    limits: { user: 'gives files away', userns: 'gives files away' },
  }),
  placement({
    name: 'a rename stays on the branch of its source',
    given: { R: { d: {} }, M: { f: 'F' } },
    steps: [['rename', 'f', 'd/g'], ['read', '@M/d/g', 'F'], ['stat', '@R/d/g', 'ENOENT'], ['stat', '@R/.wh.f', 'ENOENT']],
    merged: { d: { g: 'F' } },
  }),
  placement({
    name: 'a rename over something above it goes up there',
    given: { R: { t: 'T' }, M: { f: 'F' } },
    steps: [['rename', 'f', 't'], ['read', '@R/t', 'F'], ['stat', 'f', 'ENOENT'], ['read', 't', 'F']],
    merged: { t: 'F' },
  }),
  placement({
    name: 'a rename to a name that is whited out above it goes up there',
    given: { R: { t: whiteout }, M: { f: 'F' }, L1: { t: 'T' } },
    steps: [['rename', 'f', 't'], ['read', '@R/t', 'F'], ['stat', '@R/.wh.t', 'ENOENT']],
    merged: { t: 'F' },
  }),
  placement({
    name: 'a link is made on the branch of the file, unless it would not be seen there',
    given: { R: { d: {}, o: opaque({}) }, M: { f: 'F' } },
    steps: [['link', 'f', 'd/g'], ['read', '@M/d/g', 'F'], ['stat', '@R/d/g', 'ENOENT'], ['stat', 'f', { nlink: 2 }], ['link', 'f', 'o/h'], ['read', 'o/h', 'F']],
    merged: { f: 'F', d: { g: 'F' }, o: { h: 'F' } },
  }),
  placement({
    name: 'a directory that was spread over the branches goes as a whole',
    given: {},
    steps: [['mkdir', 'd'], ['mkdir', 'd/e'], ...['1', '2', '3', '4'].map((n) => ['create', `d/e/${n}`] as const), ['stat', '@R/d/e'], ['stat', '@M/d/e'],
      ...['1', '2', '3', '4'].map((n) => ['unlink', `d/e/${n}`] as const), ['rmdir', 'd/e'], ['rmdir', 'd'],
      ...['@R/d', '@M/d', '@R/.wh.d'].map((path) => ['stat', path, 'ENOENT'] as const), ['mkdir', 'd'], ['stat', '@M/d']],
    merged: { d: {} },
  }),
  placement({
    name: 'cpup=bu: copies go to the nearest writable branch above',
    mount: 'R=rw:M=rw:L1=ro+wh,cpup=bu',
    given: { R: { d: {} }, L1: { d: { f: 'F', g: 'G' }, h: 'H' } },
    steps: [['append', 'd/f', '!'], ['read', '@M/d/f', 'F!'], ['stat', '@R/d/f', 'ENOENT'], ['unlink', 'd/g'], ['stat', '@M/d/.wh.g'], ['rename', 'h', 'd/h'],
      ['read', '@M/d/h', 'H'], ['stat', '@M/.wh.h'], ['stat', '@R/.wh.h', 'ENOENT']],
    merged: { d: { f: 'F!', h: 'H' } },
  }),
  placement({
    name: 'cpup=bup: the nearest that has the parent',
    mount: 'R=rw:M=rw:L1=ro+wh,cpup=bup',
    given: { R: { d: {}, e: {} }, M: { e: {} }, L1: { d: { f: 'F' }, e: { g: 'G' }, h: { i: 'I' } } },
    steps: [['append', 'd/f', '!'], ['read', '@R/d/f', 'F!'], ['append', 'e/g', '!'], ['read', '@M/e/g', 'G!'], ['append', 'h/i', '!'], ['read', '@M/h/i', 'I!']],
    merged: { d: { f: 'F!' }, e: { g: 'G!' }, h: { i: 'I!' } },
  }),
  placement({
    name: 'nothing is put where a redirect leads past',
    mount: 'R=rw:M=rw:L1=ro+wh',
    given: { R: { p: {} }, L1: { p: { d: { x: 'X' } } } },
    steps: [['rename', 'p', 'q'], ['write', 'q/d/n', 'N'], ['append', 'q/d/x', '!'], ['stat', '@M/q', 'ENOENT']],
    merged: { q: { d: { n: 'N', x: 'X!' } } },
  }),
  placement({
    name: 'a part that a redirect leads to may be written',
    given: { R: { p: {} }, M: { p: { d: {} } } },
    steps: [['rename', 'p', 'q'], ['write', 'q/m', 'm'], ['write', 'q/d/n', 'n'], ['write', 'q/d/o', 'o'], ['read', '@M/p/m', 'm']],
    merged: { q: { m: 'm', d: { n: 'n', o: 'o' } } },
  }),
  placement({
    name: 'newest: where the directory changed last',
    mount: 'R=ro:M=rw:N=rw,create=newest',
    given: { R: {}, M: { d: {} }, N: { d: {} } },
    steps: [['utimes', '@M/d', 1, 1000], ['utimes', '@N/d', 1, 2000], ['create', 'd/a'], ['stat', '@N/d/a'], ['utimes', '@M/d', 1, 4102444800], ['create', 'd/b'], ['stat', '@M/d/b']],
    branchesChange: true,
  }),
]
