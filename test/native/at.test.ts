/** Names and opens, against node:fs. */
import fs from 'node:fs'
import t from 'tap'
import { AT_FDCWD, constant, E, flags, isRoot, must, openFds, sandbox, stat, sys } from './sandbox.js'

t.test('openat, close', async t => {
  const { fd: dir, path } = sandbox(t)
  const fd = must(sys.openat(dir, 'f', flags('RDWR', 'CREAT'), 0o640), 'openat')
  t.match(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), /flags:\s+02\d*2\b/, 'close-on-exec, read-write')
  fs.writeSync(fd, 'text')
  t.equal(sys.close(fd), 0)
  t.equal(sys.close(fd), -E.EBADF)
  t.equal(fs.readFileSync(path('f'), 'utf8'), 'text')
  t.equal(sys.openat(dir, 'none', 0, 0), -E.ENOENT)
  t.equal(sys.openat(dir, 'f', flags('CREAT', 'EXCL'), 0), -E.EEXIST)
  t.equal(sys.openat(dir, 'f', flags('DIRECTORY'), 0), -E.ENOTDIR)
  fs.symlinkSync('f', path('link'))
  t.equal(sys.openat(dir, 'link', 0, 0), -E.ELOOP, 'never followed')
})

t.test("'' is the open file, also when it is gone", async t => {
  const { fd: dir, path } = sandbox(t)
  fs.writeFileSync(path('f'), 'content')
  const opath = must(sys.openat(dir, 'f', flags('PATH'), 0), 'openat')
  fs.unlinkSync(path('f'))
  for (const fd of [sys.openat(opath, '', 0, 0), sys.reopen(opath, flags('NOFOLLOW'))]) {
    t.equal(fs.readFileSync(must(fd, 'reopen'), 'utf8'), 'content')
    sys.close(fd)
  }
  t.equal(sys.reopen(opath, flags('DIRECTORY')), -E.ENOTDIR)
  t.equal(sys.reopen(9999, 0), -E.ENOENT)
  sys.close(opath)
})

t.test('openBeneath', async t => {
  const { fd: dir, path } = sandbox(t)
  fs.mkdirSync(path('a/b'), { recursive: true })
  fs.writeFileSync(path('a/b/f'), '')
  fs.symlinkSync('b', path('a/link'))
  for (const name of ['a/b/f', 'a', '', '.', 'a/../a/b']) {
    const fd = sys.openBeneath(dir, name, flags('PATH'))
    t.ok(fd >= 0, name)
    sys.close(fd)
  }
  t.equal(sys.openBeneath(dir, 'a/link/f', 0), -E.ELOOP)
  t.equal(sys.openBeneath(dir, '..', 0), -E.EXDEV)
  t.equal(sys.openBeneath(dir, '/etc', 0), -E.EXDEV)
  t.equal(sys.openBeneath(dir, 'a/none', 0), -E.ENOENT)
  t.equal(sys.openBeneath(-1, 'a', 0), -E.EBADF)
  const root = must(sys.openat(AT_FDCWD, '/', flags('PATH'), 0), 'openat')
  t.equal(sys.openBeneath(root, 'proc/self', 0), -E.EXDEV, 'a mount point')
  sys.close(root)
})

t.test('mkdirat, mknodat', async t => {
  const { fd: dir, path } = sandbox(t)
  const before = sys.umask(0)
  t.equal(sys.mkdirat(dir, 'd', 0o1777), 0)
  t.equal(fs.statSync(path('d')).mode, constant('S_IFDIR') | 0o1777)
  t.equal(sys.mkdirat(dir, 'd', 0o777), -E.EEXIST)
  t.equal(sys.mknodat(dir, 'fifo', constant('S_IFIFO') | 0o600, 0), 0)
  t.ok(fs.statSync(path('fifo')).isFIFO())
  t.equal(sys.mknodat(dir, 'none/x', constant('S_IFREG'), 0), -E.ENOENT)
  if (isRoot) {
    // Minor number 0x12345: its upper part sits above the major number.
    const rdev = 0x12300000 | (0x17 << 8) | 0x45
    t.equal(sys.mknodat(dir, 'chr', constant('S_IFCHR') | 0o600, rdev), 0)
    t.equal(fs.statSync(path('chr')).rdev, 0x12300000 | (0x17 << 8) | 0x45, 'as st_rdev has it')
    t.equal(stat(dir, 'chr').rdev, rdev, 'and back')
    t.equal(sys.mknodat(dir, 'wh', constant('S_IFCHR'), 0), 0, 'an overlay whiteout')
  }
  sys.umask(before)
})

t.test('symlinkat, readlinkat', async t => {
  const { fd: dir, path } = sandbox(t)
  t.equal(sys.symlinkat('to\xff/where', dir, 'l'), 0)
  t.same(fs.readlinkSync(path('l'), 'buffer'), Buffer.from('to\xff/where', 'latin1'))
  const out = Buffer.alloc(4096)
  t.equal(sys.readlinkat(dir, 'l', out), 9)
  t.equal(out.toString('latin1', 0, 9), 'to\xff/where')
  t.equal(sys.readlinkat(dir, 'l', out.subarray(0, 3)), 3, 'cut at the buffer')
  const fd = must(sys.openat(dir, 'l', flags('PATH'), 0), 'openat')
  t.equal(sys.readlinkat(fd, '', out), 9, 'an O_PATH fd of the link')
  sys.close(fd)
  t.equal(sys.readlinkat(dir, 'none', out), -E.ENOENT)
  t.equal(sys.symlinkat('x', dir, 'l'), -E.EEXIST)
  t.equal(sys.symlinkat('x'.repeat(4096), dir, 'm'), -E.ENAMETOOLONG)
})

t.test('linkat, tmpfile', async t => {
  const { fd: dir, path } = sandbox(t)
  const fd = must(sys.tmpfile(dir, flags('RDWR'), 0o600), 'tmpfile')
  fs.writeSync(fd, 'unnamed')
  t.equal(sys.linkat(fd, '', dir, 'named'), 0)
  t.equal(fs.readFileSync(path('named'), 'utf8'), 'unnamed')
  sys.close(fd)
  t.equal(sys.linkat(dir, 'named', dir, 'twice'), 0)
  t.equal(fs.statSync(path('twice')).nlink, 2)
  t.equal(sys.linkat(dir, 'named', dir, 'twice'), -E.EEXIST)
  const opath = must(sys.openat(dir, 'named', flags('PATH'), 0), 'openat')
  t.equal(sys.linkat(opath, '', dir, 'third'), 0)
  sys.close(opath)
  fs.symlinkSync('named', path('l'))
  t.equal(sys.linkat(dir, 'l', dir, 'l2'), 0)
  t.ok(fs.lstatSync(path('l2')).isSymbolicLink(), 'the link itself')
  const link = must(sys.openat(dir, 'l', flags('PATH'), 0), 'openat')
  t.equal(sys.linkat(link, '', dir, 'l3'), 0)
  t.ok(fs.lstatSync(path('l3')).isSymbolicLink(), 'the link itself, by its fd')
  sys.close(link)
  t.equal(sys.tmpfile(9999, flags('RDWR'), 0), -E.EBADF)
})

t.test('unlinkat, renameat2', async t => {
  const { fd: dir, path } = sandbox(t)
  fs.writeFileSync(path('a'), 'A')
  fs.writeFileSync(path('b'), 'B')
  fs.mkdirSync(path('d'))
  t.equal(sys.renameat2(dir, 'a', dir, 'b', constant('RENAME_NOREPLACE')), -E.EEXIST)
  t.equal(sys.renameat2(dir, 'a', dir, 'b', constant('RENAME_EXCHANGE')), 0)
  t.equal(fs.readFileSync(path('a'), 'utf8'), 'B')
  t.equal(sys.renameat2(dir, 'a', dir, 'b', 0), 0)
  t.notOk(fs.existsSync(path('a')))
  t.equal(sys.renameat2(dir, 'none', dir, 'b', 0), -E.ENOENT)
  t.equal(sys.unlinkat(dir, 'd', 0), -E.EISDIR)
  t.equal(sys.unlinkat(dir, 'd', constant('AT_REMOVEDIR')), 0)
  t.equal(sys.unlinkat(dir, 'b', 0), 0)
  t.equal(sys.unlinkat(dir, 'b', 0), -E.ENOENT)
})

t.test('names of every byte', async t => {
  const { fd: dir } = sandbox(t)
  for (let byte = 1; byte < 256; byte++) {
    if (byte === 0x2f) continue
    const name = `n${String.fromCharCode(byte)}`
    sys.close(must(sys.openat(dir, name, flags('CREAT', 'EXCL', 'WRONLY'), 0o600), 'openat', name))
    must(sys.renameat2(dir, name, dir, `${name}2`, 0), 'renameat2', name)
  }
  const listing = sys.readdir(dir)
  if (typeof listing === 'number') throw new Error(`readdir: ${listing}`)
  t.equal(listing.names.length, 254)
  t.same(new Set(listing.names.map(name => name.charCodeAt(1))).size, 254)
  t.ok(listing.names.every(name => sys.unlinkat(dir, name, 0) === 0))
})

t.test('no descriptor is left', async t => {
  const { fd: dir } = sandbox(t)
  const before = openFds()
  for (let i = 0; i < 50; i++) {
    sys.statx(dir, 'none')
    sys.openat(dir, 'none', 0, 0)
    sys.readdir(dir)
    sys.chmod(dir, '', 0o777)
    sys.getxattr(dir, '', 'user.none', Buffer.alloc(0))
  }
  t.equal(openFds(), before)
})
