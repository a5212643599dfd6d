/** Open files: sizes, locks, and copies that keep holes. */
import fs from 'node:fs'
import t from 'tap'
import { constant, E, openFds, sandbox, stat, sys } from './sandbox.js'

const MIB = 1024 * 1024

/** Contents as [offset, text] pieces in a file of `size`. */
const shapes: { name: string; size: number; pieces: [number, Buffer][] }[] = [
  { name: 'empty', size: 0, pieces: [] },
  { name: 'one byte', size: 1, pieces: [[0, Buffer.from('x')]] },
  { name: 'small', size: 5000, pieces: [[0, Buffer.alloc(5000, 'small ')]] },
  { name: 'large', size: 3 * MIB + 17, pieces: [[0, Buffer.alloc(3 * MIB + 17, 'large one ')]] },
  { name: 'all hole', size: 8 * MIB, pieces: [] },
  { name: 'hole, data, hole', size: 9 * MIB, pieces: [[4 * MIB, Buffer.alloc(70000, 'middle')]] },
  { name: 'data, hole, data', size: 6 * MIB + 3, pieces: [[0, Buffer.from('head')], [6 * MIB, Buffer.from('end')]] },
]

function write(path: string, { size, pieces }: (typeof shapes)[number]): void {
  const fd = fs.openSync(path, 'w')
  fs.ftruncateSync(fd, size)
  for (const [at, data] of pieces) fs.writeSync(fd, data, 0, data.length, at)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/** The copy under test: now, or on a worker. */
const ways: Record<string, (src: number, dst: number, size: number) => Promise<number>> = {
  copyData: async (src, dst, size) => sys.copyData(src, dst, size),
  copyDataAsync: (src, dst, size) =>
    new Promise(resolve => {
      const rc = sys.copyDataAsync(src, dst, size, resolve)
      if (rc !== 0) resolve(rc)
    }),
}

for (const [way, copy] of Object.entries(ways)) {
  t.test(way, async t => {
    const { fd: dir, path } = sandbox(t)
    const shared = fs.existsSync('/dev/shm') ? `/dev/shm/tsaufs-native-${process.pid}-${way}` : path('elsewhere')
    t.teardown(() => fs.rmSync(shared, { force: true }))
    const before = openFds()
    for (const shape of shapes) {
      write(path('src'), shape)
      for (const to of [path('dst'), shared]) {
        const src = fs.openSync(path('src'), 'r')
        const dst = fs.openSync(to, 'w')
        t.equal(await copy(src, dst, shape.size), 0, `${shape.name} to ${to}`)
        fs.fsyncSync(dst)
        fs.closeSync(src)
        fs.closeSync(dst)
        t.ok(fs.readFileSync(to).equals(fs.readFileSync(path('src'))), shape.name)
        if (to === path('dst')) t.equal(stat(dir, 'dst').blocks, stat(dir, 'src').blocks, `${shape.name}: holes`)
      }
    }
    t.equal(openFds(), before)
  })

  t.test(`${way}: part of a file, and failures`, async t => {
    const { path } = sandbox(t)
    fs.writeFileSync(path('src'), Buffer.alloc(200000, 'abc'))
    const src = fs.openSync(path('src'), 'r')
    const dst = fs.openSync(path('dst'), 'w')
    t.equal(await copy(src, dst, 100001), 0)
    t.equal(fs.readFileSync(path('dst')).compare(Buffer.alloc(100001, 'abc')), 0)
    t.equal(await copy(src, src, 10), -E.EBADF, 'not writable')
    t.equal(await copy(9999, dst, 10), -E.EBADF)
    fs.closeSync(src)
    fs.closeSync(dst)
  })
}

t.test('many copies at once come back each', async t => {
  const { path } = sandbox(t)
  fs.writeFileSync(path('src'), Buffer.alloc(300000, 'xyz'))
  const src = fs.openSync(path('src'), 'r')
  const fds = Array.from({ length: 40 }, (_, i) => fs.openSync(path(`dst${i}`), 'w'))
  t.same(await Promise.all(fds.map(fd => ways['copyDataAsync']!(src, fd, 300000))), fds.map(() => 0))
  for (const fd of [src, ...fds]) fs.closeSync(fd)
  t.ok(fs.readFileSync(path('dst39')).equals(fs.readFileSync(path('src'))))
})

t.test('a file that does not tell its size', async t => {
  const { path } = sandbox(t)
  const src = fs.openSync('/proc/self/status', 'r')
  const dst = fs.openSync(path('dst'), 'w')
  t.equal(sys.copyData(src, dst, 100), 0)
  t.match(fs.readFileSync(path('dst'), 'utf8'), /^Name:/)
  fs.closeSync(src)
  fs.closeSync(dst)
})

t.test('ftruncate, fsync, syncfs, flock', async t => {
  const { fd: dir, path } = sandbox(t)
  const fd = fs.openSync(path('f'), 'w+')
  t.equal(sys.ftruncate(fd, 2 ** 33), 0)
  t.equal(stat(dir, 'f').size, 2 ** 33)
  t.equal(sys.ftruncate(fd, -1), -E.EINVAL)
  t.equal(sys.ftruncate(fd, 5), 0)
  t.equal(sys.fsync(fd, 0), 0)
  t.equal(sys.fsync(fd, 1), 0)
  t.equal(sys.syncfs(fd), 0)
  for (const rc of [sys.fsync(9999, 0), sys.syncfs(9999), sys.flock(9999, 1)]) t.equal(rc, -E.EBADF)
  const other = fs.openSync(path('f'), 'r')
  t.equal(sys.flock(fd, constant('LOCK_EX')), 0)
  t.equal(sys.flock(other, constant('LOCK_EX') | constant('LOCK_NB')), -E.EAGAIN)
  t.equal(sys.flock(fd, constant('LOCK_UN')), 0)
  t.equal(sys.flock(other, constant('LOCK_SH') | constant('LOCK_NB')), 0)
  fs.closeSync(fd)
  fs.closeSync(other)
})
