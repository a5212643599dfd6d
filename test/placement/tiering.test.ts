/** `tsaufs move-down` and `tsaufs fhsm` on real disks: a fast small one on top of slow big ones. */
import t from 'tap'
import { closeSync, existsSync, linkSync, mkdirSync, openSync, readFileSync, readSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { NEEDS_ROOT, PROGRAM, Sandbox } from '../cli/sandbox.js'
import { disk, freeBytes } from './disks.js'

const M = 2 ** 20

t.test('move-down: the file goes, its users notice nothing', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'a/d/f': 'F', 'a/g': 'G', 'b/x': '' })
  mkdirSync(box.at('c'))
  box.mount(t, '-o', 'dirs=a=rw:b=rw:c=rw,udba=none', 'mnt')
  const before = statSync(box.at('mnt/d/f'))
  const parent = statSync(box.at('mnt/d'))
  t.same(box.run('move-down', '-v', 'mnt/d/f'), { exit: 0, stdout: `d/f: ${box.at('a')} -> ${box.at('b')}, 4.0K\n`, complaints: [] })
  t.notOk(existsSync(box.at('a/d/f')))
  t.equal(readFileSync(box.at('b/d/f'), 'utf8'), 'F')
  t.match(statSync(box.at('mnt/d/f')), { ino: before.ino, mtimeMs: before.mtimeMs, size: 1 })
  t.match(statSync(box.at('mnt/d')), { ino: parent.ino, mtimeMs: parent.mtimeMs })
  writeFileSync(box.at('mnt/d/f'), 'written', { flag: 'a' })
  t.equal(readFileSync(box.at('b/d/f'), 'utf8'), 'Fwritten', 'it is changed where it is')
  t.same(box.run('move-down', '--branch', 'c', 'mnt/g'), { exit: 0, stdout: '', complaints: [] })
  t.equal(readFileSync(box.at('c/g'), 'utf8'), 'G')
  t.same(readdirSync(box.at('mnt')).sort(), ['d', 'g', 'x'])
  t.equal(box.run('umount', 'mnt').exit, 0)
  box.mount(t, '-o', 'dirs=a=rw:b=rw:c=rw', 'mnt')
  t.equal(statSync(box.at('mnt/d/f')).ino, before.ino, 'after a remount too')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('move-down --keep and --overwrite', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'a/f': 'new', 'b/f': 'old' })
  box.mount(t, '-o', 'dirs=a=rw:b=rw', 'mnt')
  t.equal(box.run('move-down', '--keep', '--overwrite', 'mnt/f').exit, 0)
  t.same([readFileSync(box.at('a/f'), 'utf8'), readFileSync(box.at('b/f'), 'utf8')], ['new', 'new'], 'a copy below')
  writeFileSync(box.at('mnt/f'), 'newer')
  t.equal(readFileSync(box.at('a/f'), 'utf8'), 'newer', 'the upper one is the file')
  t.equal(box.run('move-down', '-o', 'mnt/f').exit, 0)
  t.notOk(existsSync(box.at('a/f')))
  t.equal(readFileSync(box.at('mnt/f'), 'utf8'), 'newer')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('move-down: every refusal is a line, and nothing has changed', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({
    'a/d/f': '', 'a/linked': '', 'a/open': 'O', 'a/opaque/.wh..wh..opq': '', 'a/opaque/f': '', 'b/opaque/x': '', 'a/white': '', 'b/.wh.white': '',
    'a/between': '', 'b/between': '', 'a/there': 'upper', 'b/there': 'lower', 'c/low': '', 'ro/r': '', 'outside': '',
  })
  linkSync(box.at('a/linked'), box.at('a/linked2'))
  box.mount(t, '-o', 'dirs=a=rw:b=rw:c=rw:ro=ro', 'mnt')
  const fd = openSync(box.at('mnt/open'), 'r')
  const cases: readonly (readonly [words: readonly string[], line: string])[] = [
    [['mnt/d'], 'move-down d: EISDIR: it is a directory; give the files in it'],
    [['mnt/linked'], 'move-down linked: EBUSY: it has several names (hard links), which stay on one branch'],
    [['mnt/open'], `move-down open: EBUSY: it is open in process ${process.pid}`],
    [['mnt/opaque/f'], 'move-down opaque/f: EINVAL: a directory it is in is opaque, or ends, above @/b; it would not be seen there'],
    [['-b', 'c', 'mnt/white'], 'move-down white: EINVAL: a whiteout on @/b would hide it'],
    [['-b', 'c', 'mnt/between'], 'move-down between: EINVAL: something of this name on @/b would hide it'],
    [['mnt/there'], 'move-down there: EEXIST: @/b has something of this name; replace it with --overwrite'],
    [['mnt/low'], 'move-down low: EROFS: no writable branch lies below @/c'],
    [['mnt/r'], 'move-down r: EROFS: no writable branch lies below @/ro'],
    [['-b', 'ro', 'mnt/d/f'], 'move-down d/f: EROFS: branch @/ro is not writable'],
    [['-b', 'a', 'mnt/d/f'], 'move-down d/f: EINVAL: branch @/a is not below @/a, where it lies'],
    [['-b', 'mnt', 'mnt/d/f'], 'move-down d/f: ENOENT: @/mnt is no branch of the mount'],
    [['mnt/nothing'], 'move-down mnt/nothing: ENOENT: it cannot be reached'],
    [['outside'], "move-down outside: EINVAL: it lies in no union; 'tsaufs list' shows them"],
  ]
  for (const [words, line] of cases) t.same(box.run('move-down', ...words), { exit: 1, stdout: '', complaints: [line] }, words.join(' '))
  closeSync(fd)
  t.equal(readFileSync(box.at('a/there'), 'utf8'), 'upper')
  t.equal(readFileSync(box.at('b/there'), 'utf8'), 'lower')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('fhsm: from a full fast disk the coldest files go down, never those that are open', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  disk(t, box, 'fast', 20)
  disk(t, box, 'slow', 64)
  box.mount(t, '-o', 'dirs=fast=rw+fhsm:slow=rw+fhsm,nowarn_perm,fhsm_sec=1', 'mnt')
  t.match(box.run('branches', 'mnt').stdout, 'fast=rw+fhsm')
  mkdirSync(box.at('mnt/d'))
  for (let i = 0; i < 16; i++) writeFileSync(box.at('mnt/d', `f${String(i).padStart(2, '0')}`), Buffer.alloc(M, `${i} `))
  // Each is touched until its change time is later than the last one's: the clock of a file system may be a coarse one.
  for (let i = 15, last = 0n; i >= 0;) {
    const file = `d/f${String(i).padStart(2, '0')}`
    utimesSync(box.at('mnt', file), 1, 1000 + i)
    const { ctimeNs } = statSync(box.at('fast', file), { bigint: true })
    if (ctimeNs / 1_000_000n <= last / 1_000_000n) continue
    last = ctimeNs
    i--
  }
  const open = openSync(box.at('mnt/d/f15'), 'r')
  const { stdout, exit } = box.run('fhsm', '--once', '--high', '70', '--low', '40', 'mnt')
  t.equal(exit, 0)
  t.match(stdout, new RegExp(`^${box.at('fast')} -> ${box.at('slow')}: \\d+ files, [\\d.]+M\n`))
  t.match(stdout, 'not moved: 1 EBUSY')
  const left = readdirSync(box.at('fast/d'))
  const moved = readdirSync(box.at('slow/d'))
  t.equal(left.length + moved.length, 16)
  t.ok(left.includes('f15'), 'the open one stays')
  t.ok(moved.length >= 6 && moved.length <= 11, `${moved.length} have gone`)
  t.ok(freeBytes(box.at('fast')) >= 20 * M * 0.5, 'down to the low mark')
  // The times above were set from f15 to f00: what was used first went first.
  t.same(moved.sort(), Array.from({ length: 16 }, (_, i) => `f${String(14 - i).padStart(2, '0')}`).slice(0, moved.length).sort())
  for (let i = 0; i < 16; i++) t.ok(readFileSync(box.at('mnt/d', `f${String(i).padStart(2, '0')}`)).equals(Buffer.alloc(M, `${i} `)), `f${i}`)
  readSync(open, Buffer.alloc(10))
  closeSync(open)
  t.same(box.run('fhsm', '--once', '--high', '70', 'mnt'), { exit: 0, stdout: '', complaints: [] }, 'nothing more to do')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('fhsm: what is refused, and its end', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  box.mount(t, '-o', 'dirs=a=rw+fhsm:b=rw,fhsm_sec=1', 'mnt')
  t.same(box.run('fhsm', 'mnt').complaints, ['fhsm @/mnt: EINVAL: less than two writable branches have +fhsm; mount with PATH=rw+fhsm:PATH=rw+fhsm'])
  t.same(box.run('fhsm', '--high', '30', 'mnt'), { exit: 2, stdout: '', complaints: ['fhsm --high 30 --low 50: EINVAL: give whole percents, 0 <= low <= high <= 100'] })
  t.same(box.run('fhsm', 'a').complaints, ["fhsm a: EINVAL: no union is mounted there; 'tsaufs list' shows them"])
  t.equal(box.run('umount', 'mnt').exit, 0)
  box.mount(t, '-o', 'dirs=a=rw+fhsm:b=rw+fhsm,fhsm_sec=1', 'mnt')
  const watcher = box.start([process.execPath, PROGRAM, 'fhsm', 'mnt'])
  const ended = new Promise<number | null>((resolve) => { watcher.once('exit', resolve) })
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.type(await ended, 'number', 'it ends with its mount')
})
