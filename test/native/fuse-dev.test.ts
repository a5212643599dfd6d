/** The turn and the data plane, by a process that serves a few files (few-files.ts). */
import fs from 'node:fs'
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { constant, E, isRoot, must, sandbox, stat, sys } from './sandbox.js'

const MIB = 1024 * 1024
const server = fileURLToPath(new URL('./few-files.js', import.meta.url))

function ask(child: ChildProcess, what: string): Promise<Record<string, number>> {
  return new Promise(resolve => {
    child.once('message', answer => resolve(answer as Record<string, number>))
    child.send(what)
  })
}

/** Drop what the page cache has of a file (dd's nocache with nothing to copy). */
function forgetPages(path: string): void {
  spawnSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'])
}

const skip = (!isRoot && 'needs root') || (!fs.existsSync('/dev/fuse') && 'needs /dev/fuse') || false

t.test('a mount', { skip }, async t => {
  const { path } = sandbox(t)
  fs.mkdirSync(path('m'))
  fs.mkdirSync(path('b'))
  for (const name of ['f', 'g', 'js']) fs.writeFileSync(path(`b/${name}`), name.repeat(7))
  const child = fork(server, [path('m'), path('b')])
  t.teardown(() => {
    sys.umount(path('m'), constant('MNT_DETACH'))
    child.kill('SIGKILL')
  })
  await once(child, 'message')
  const m = (name: string) => path(`m/${name}`)
  const b = (name: string) => path(`b/${name}`)
  const seen = async (op: string) => (await ask(child, 'seen'))[constant(`FUSE_${op}`)] ?? 0

  t.equal(fs.readFileSync(m('js'), 'utf8'), 'from JavaScript'.slice(0, 14), 'as long as its attributes say')
  t.throws(() => fs.statSync(m('none')), { code: 'ENOENT' })

  t.test('the first READ goes through JavaScript, later ones do not', async t => {
    const before = await seen('READ')
    for (let i = 0; i < 5; i++) t.equal(fs.readFileSync(m('f'), 'utf8'), 'fffffff')
    t.equal(await seen('READ'), before + 1)
  })

  t.test('notifications are written by another thread, in order', async t => {
    t.same(await ask(child, 'notify'), { good: 0, cut: -E.EINVAL }, 'ENOENT is no error')
  })

  t.test('writes of all sizes arrive', async t => {
    const before = await seen('WRITE')
    for (const size of [1, 4096, 128 * 1024, 128 * 1024 + 1, MIB, 5 * MIB + 3]) {
      const data = Buffer.alloc(size, `size ${size} `)
      const fd = fs.openSync(m('f'), 'r+')
      t.equal(fs.writeSync(fd, data, 0, size, 10), size)
      t.equal(sys.fsync(fd, size & 1), 0)
      fs.closeSync(fd)
      t.ok(fs.readFileSync(b('f')).subarray(10, 10 + size).equals(data), `${size}: on disk`)
      t.ok(fs.readFileSync(m('f')).subarray(10, 10 + size).equals(data), `${size}: read back`)
    }
    t.equal(await seen('WRITE'), before, 'JavaScript saw none: f was in the table, writable')
    t.equal(await seen('FSYNC'), 0)
  })

  t.test('cold data comes from workers, whole', async t => {
    const data = Buffer.alloc(24 * MIB)
    for (let at = 0; at < data.length; at += 4) data.writeUInt32LE(at, at)
    fs.writeFileSync(b('f'), data)
    for (let round = 0; round < 3; round++) {
      forgetPages(b('f'))
      t.ok(fs.readFileSync(m('f')).equals(data))
    }
  })

  t.test('many readers and writers at once', async t => {
    const fd = fs.openSync(m('f'), 'r+')
    const pieces = Array.from({ length: 24 }, (_, i) => ({ at: i * MIB, data: Buffer.alloc(MIB, `piece ${i} `) }))
    const write = ({ at, data }: (typeof pieces)[number]) =>
      new Promise<void>((resolve, reject) => fs.write(fd, data, 0, MIB, at, error => (error ? reject(error) : resolve())))
    await Promise.all(pieces.map(write))
    fs.closeSync(fd)
    t.ok(fs.readFileSync(b('f')).equals(Buffer.concat(pieces.map(({ data }) => data))))
  })

  t.test('copy_file_range, holes', async t => {
    fs.truncateSync(b('f'), 0)
    fs.truncateSync(b('g'), 0)
    fs.truncateSync(b('f'), 100 * MIB)
    const fd = fs.openSync(b('f'), 'r+')
    fs.writeSync(fd, Buffer.alloc(70 * MIB, 'copied '), 0, 70 * MIB, 20 * MIB)
    fs.closeSync(fd)
    const src = fs.openSync(m('f'), 'r')
    const dst = fs.openSync(m('g'), 'r+')
    t.equal(sys.copyData(src, dst, 90 * MIB), -E.EINVAL, 'all but the truncate, which this server refuses')
    fs.closeSync(src)
    fs.closeSync(dst)
    t.ok(fs.readFileSync(b('g')).equals(fs.readFileSync(b('f')).subarray(0, 90 * MIB)))
    t.ok(fs.statSync(b('g')).blocks * 512 < 71 * MIB, 'the hole is one')
    t.ok((await seen('COPY_FILE_RANGE')) + (await seen('COPY_FILE_RANGE_64')) <= 1, 'once, to have g opened')
    t.ok((await seen('LSEEK')) === 0)
  })

  t.test('fallocate', async t => {
    t.equal(spawnSync('fallocate', ['-p', '-o', '20MiB', '-l', '64MiB', m('f')]).status, 0)
    t.ok(fs.statSync(b('f')).blocks * 512 < 10 * MIB)
    t.equal(await seen('FALLOCATE'), 0)
  })

  t.test('a write by somebody else takes set-id bits away', async t => {
    const asOther = () => spawnSync('sh', ['-c', 'printf x 1<> "$0"', m('f')], { uid: 1000, gid: 1000, cwd: '/' })
    for (const [before, after] of [[0o6777, 0o777], [0o4666, 0o666], [0o2666, 0o666]] as const) {
      fs.chmodSync(b('f'), before)
      fs.statSync(m('f'))
      t.equal(asOther().status, 0)
      t.equal(fs.statSync(b('f')).mode & 0o7777, after, before.toString(8))
    }
  })

  t.test('errors', async t => {
    const big = fs.openSync(m('js'), 'r+')
    t.throws(() => fs.writeSync(big, 'x', 0), { code: 'EPERM' })
    const large = Buffer.alloc(MIB, 'touched: the kernel sends only what it can copy without a fault')
    t.throws(() => fs.writeSync(big, large, 0, MIB, 0), { code: 'EIO' }, 'too large for this server')
    fs.closeSync(big)
    const nobody = fs.openSync(m('big'), 'r')
    t.throws(() => fs.readSync(nobody, Buffer.alloc(10)), { code: 'ENOENT' }, 'in no table')
    fs.closeSync(nobody)
    const fd = fs.openSync(m('f'), 'r+')
    t.throws(() => fs.writeSync(fd, 'x', 2 ** 52), { code: /EFBIG|EINVAL/ })
    fs.closeSync(fd)
  })

  t.test('the event loop has its turn however busy the mount is', async t => {
    const code = 'for (;;) { try { require("fs").statSync(process.argv[1]) } catch {} }'
    const flood = spawn(process.execPath, ['-e', code, m('none')])
    const before = await ask(child, 'ticks')
    const more = (now: Record<string, number>, what: string): number => now[what]! - before[what]!
    let after = before
    // The limit is the test's own: a loop that starves answers no question at all.
    while (more(after, 'requests') <= 1000 || more(after, 'ticks') < 5) after = await ask(child, 'ticks')
    flood.kill('SIGKILL')
    t.pass('timers, also unreferenced ones, and questions, while there are requests')
  })

  t.test('sweeping', async t => {
    const { fds } = await ask(child, 'fds')
    t.equal((await ask(child, 'sweep'))['left'], 2, 'both were used')
    t.equal((await ask(child, 'sweep'))['left'], 0, 'not since')
    t.equal((await ask(child, 'fds'))['fds'], fds! - 2)
    t.equal(fs.readFileSync(m('js'), 'utf8').length, 14)
    t.equal(fs.readFileSync(m('f')).length, fs.statSync(b('f')).size, 'opened anew')
  })

  t.test('an idle server sleeps', async t => {
    const ticks = () => {
      const fields = fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
      return Number(fields[11]) + Number(fields[12])
    }
    await new Promise(resolve => setTimeout(resolve, 200))
    const before = ticks()
    const { ticks: timers } = await ask(child, 'ticks')
    await new Promise(resolve => setTimeout(resolve, 1000))
    t.ok(ticks() - before <= 5, `${ticks() - before} ticks of 10 ms`)
    t.ok((await ask(child, 'ticks'))['ticks']! - timers! >= 10, 'and timers wake it')
  })

  t.test('unmounting ends it, and nothing keeps the process', async t => {
    const message = once(child, 'message')
    const exit = once(child, 'exit')
    t.equal(sys.umount(path('m'), 0), 0)
    t.same((await message)[0], { ended: -E.ENODEV, again: -E.ENODEV, left: 0 })
    t.equal((await exit)[0], 0)
  })
})

t.test('the data table', async t => {
  const { fd: dir, path } = sandbox(t)
  const open = () => {
    fs.writeFileSync(path('x'), '')
    return fs.openSync(path('x'), 'r')
  }
  const isOpen = (fd: number) => fs.existsSync(`/proc/self/fd/${fd}`)
  t.equal(sys.dataFd(7, 0), -E.ENOENT)
  t.equal(sys.dataDrop(7), -E.ENOENT)
  const first = open()
  t.equal(sys.dataSet(7, first, 0, 0), 0)
  t.equal(sys.dataFd(7, 0), first)
  t.equal(sys.dataFd(7, 1), -E.ENOENT, 'not writable')
  t.equal(sys.dataSet(7, first, 1, 0), 0, 'the same fd again: only its rights change')
  t.ok(isOpen(first))
  t.equal(sys.dataFd(7, 1), first)
  const second = open()
  sys.dataSet(7, second, 0, 0)
  t.notOk(isOpen(first), 'what is replaced is closed')
  t.equal(sys.dataDrop(7), 0)
  t.notOk(isOpen(second))

  must(sys.dataLimit(10), 'dataLimit')
  const pinned = open()
  sys.dataSet(2 ** 53 - 1, pinned, 0, 1)
  const fds = Array.from({ length: 100 }, open)
  fds.forEach((fd, i) => sys.dataSet(i, fd, 0, 0))
  t.equal(fds.filter(isOpen).length, 9)
  t.ok(isOpen(pinned))
  t.ok(isOpen(fds[99]!), 'the newest stays')
  sys.dataLimit(3)
  t.equal(fds.filter(isOpen).length, 2)
  sys.dataSweep()
  t.equal(sys.dataSweep(), 1, 'the pinned one')
  t.equal(sys.dataDrop(2 ** 53 - 1), 0)
  t.notOk(isOpen(pinned))
  sys.dataLimit(4096)
  t.equal(stat(dir, 'x').rc, 0)
})

t.test('without a device', async t => {
  const buffer = Buffer.alloc(100)
  t.equal(sys.fuseTurn(0), -E.ENODEV)
  t.equal(sys.fuseWrite(buffer, 16), -E.ENODEV)
  t.equal(sys.fuseServe(buffer, 100), -E.ENODEV)
  t.equal(sys.fuseAttach(9999, buffer, buffer), -E.EBADF)
  t.equal(sys.backingOpen(0), -E.EBADF)
  t.equal(sys.backingClose(1), -E.EBADF)
})
