/** Columns of merged directories: what lib/union/listing.ts has done for many rows at once. */
import t from 'tap'
import { writeFileSync, linkSync, mkdirSync } from 'node:fs'
import { E } from '../../lib/os/errno.js'
import { sys } from '../../lib/os/native.js'
import { nameHash } from '../../lib/util/name-hash.js'
import { sandbox } from './sandbox.js'

const REG = 8
const DIR = 4
const NOBODY = 0xffff

t.test('rows in the order of their offsets, without those that are gone', (t) => {
  const offsets = new Float64Array([5, 1, 4, 0, 2])
  const branches = new Uint16Array([0, 0, 1, NOBODY, 0])
  const order = new Int32Array(4)
  t.equal(sys.sortRows(offsets, branches, 5, order), 0)
  t.same([...order], [1, 4, 2, 0])
  offsets[2] = 5
  t.equal(sys.sortRows(offsets, branches, 5, order), 1, 'two are equal')
  t.equal(sys.sortRows(offsets, branches, 5, new Int32Array(3)), -E.EINVAL, 'more rows than room')
  t.equal(sys.sortRows(offsets, branches, 5, new Int32Array(5)), -E.EINVAL, 'fewer')
  t.equal(sys.sortRows(offsets, branches, 6, order), -E.EINVAL, 'rows that there are not')
  t.end()
})

/** Columns for so many rows. */
function columns(capacity: number) {
  return {
    index: new Int32Array(16), offsets: new Float64Array(capacity), branches: new Uint16Array(capacity),
    types: new Uint8Array(capacity), inos: new Uint32Array(2 * capacity),
  }
}

/** Enter names as a branch directory's. */
function put(to: ReturnType<typeof columns>, row: number, branch: number, names: readonly string[], same: Int32Array): number {
  return sys.putRows(
    to.index, to.offsets, to.branches, to.types, to.inos, row, branch, new Float64Array(names.map(nameHash)),
    new Uint8Array(names.map(() => REG)), new Uint32Array(names.flatMap((_, i) => [i + 1, 0])), same,
  )
}

t.test('entering a branch directory', (t) => {
  const to = columns(4)
  const same = new Int32Array(2)
  t.equal(put(to, 0, 0, ['a', 'b'], same), 2)
  t.same([...same], [0, 0])
  t.equal(put(to, 2, 1, ['b', 'c'], same), 1)
  t.same([...same], [2, 0], 'the row of b, and one more')
  t.same([...to.branches], [0, 0, 1, 0])
  t.same([...to.inos], [1, 0, 2, 0, 2, 0, 0, 0])
  t.equal(put(to, 3, 1, ['d', 'e'], same), -E.EINVAL, 'no room')
  to.index.fill(99)
  t.equal(put(to, 3, 1, ['d'], new Int32Array(1)), -E.EINVAL, 'an index that leads nowhere')
  t.end()
})

t.test('records of rows', (t) => {
  const { fd, path } = sandbox(t)
  for (const name of ['a', 'b', 'two', 'z']) writeFileSync(path(name), name)
  linkSync(path('two'), path('twin'))
  mkdirSync(path('dir'))
  const names = ['a', 'b', 'two', 'z', 'dir']
  const to = columns(5)
  put(to, 0, 3, names, new Int32Array(5))
  to.types[4] = DIR
  const order = new Int32Array([0, 1, 2, 3, 4])
  const out = Buffer.alloc(1024, 0xee)
  const found = new Uint32Array(3 * 8 + 1)
  const plus = (limit: number, place: number, branch = 3): number => sys.packRowsPlus(
    names, to.offsets, to.branches, to.types, order, out, 16, limit, place, branch, 2 ** 40, fd, found)
  t.equal(plus(1024, 0), 2, 'up to the file with two names')
  sys.statx(fd, 'b')
  const bIno = sys.stat.readUInt32LE(0)
  t.same([...found.subarray(0, 7)], [16, found[1], 0, 16 + 160, bIno, 0, 16 + 320])
  t.equal(out.toString('latin1', 16 + 160 + 152, 16 + 160 + 153), 'b')
  t.equal(out.readBigUInt64LE(16 + 160 + 40), BigInt(2 ** 40 + bIno), 'st_ino')
  t.equal(out.readBigUInt64LE(16 + 160 + 128), BigInt(2 ** 40 + bIno), 'd_ino')
  t.equal(out.readBigUInt64LE(16 + 160), 0n, 'nobody yet')
  t.equal(out[16 + 320], 0xee, 'nothing is written behind')
  t.equal(plus(16 + 319, 0), 1, 'as many as fit')
  t.equal(plus(16 + 159, 0), 0)
  t.equal(plus(1024, 2), 0)
  t.equal(plus(1024, 4), 0, 'no directory')
  t.equal(plus(1024, 5), 0, 'behind the last')
  t.equal(plus(1024, 0, 2), 0, 'another branch')
  const done = new Uint32Array(1)
  const plain = (limit: number, place: number): number => sys.packRows(
    names, to.offsets, to.branches, to.types, order, out, 16, limit, place, 3, 0, to.inos, done)
  t.equal(plain(1024, 0), 4 * 32)
  t.equal(done[0], 4, 'files with any number of names')
  t.equal(plain(16 + 31, 0), 0)
  t.equal(done[0], 0)
  t.end()
})
