/** Attributes of objects by name and by fd, also when the fd is O_PATH and the name gone. */
import { nameHash } from '../../lib/util/name-hash.js'
import fs from 'node:fs'
import t from 'tap'
import { constant, E, flags, isRoot, must, sandbox, stat, sys } from './sandbox.js'

/** A regular file and a symbolic link, each as (dirfd, name), as O_PATH fd, and as O_PATH fd of a deleted name. */
function objects(t: { teardown(fn: () => void): void }, make: (path: string) => void) {
  const { fd: dir, path } = sandbox(t)
  make(path('kept'))
  make(path('gone'))
  const kept = must(sys.openat(dir, 'kept', flags('PATH'), 0), 'openat')
  const gone = must(sys.openat(dir, 'gone', flags('PATH'), 0), 'openat')
  fs.unlinkSync(path('gone'))
  t.teardown(() => {
    sys.close(kept)
    sys.close(gone)
  })
  const all: Record<string, [number, string]> = {
    'by name': [dir, 'kept'],
    'by O_PATH fd': [kept, ''],
    'by O_PATH fd, deleted': [gone, ''],
  }
  return all
}

const file = (path: string) => fs.writeFileSync(path, 'twelve bytes')
const link = (path: string) => fs.symlinkSync('/nowhere', path)

t.test('statx against node:fs', async t => {
  const { fd: dir, path } = sandbox(t)
  file(path('f'))
  const want = fs.lstatSync(path('f'), { bigint: true })
  const got = stat(dir, 'f')
  t.equal(got.rc, 0)
  for (const field of ['size', 'blocks', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'blksize'] as const) {
    t.equal(BigInt(got[field]), want[field], field)
  }
  t.equal(got.ino, want.ino)
  t.equal(BigInt(got.mtime) * 1000000000n + BigInt(got.mtimeNsec), want.mtimeNs)
  t.equal((BigInt(got.devMinor & 0xff) | (BigInt(got.devMajor) << 8n)) & 0xffffn, want.dev & 0xffffn)
  t.ok(got.mask & constant('STATX_BTIME') ? Math.abs(got.btime - Number(want.birthtimeNs / 1000000000n)) < 2 : true)
  t.ok(got.mntId > 0n)
  t.equal(stat(dir, 'none').rc, -E.ENOENT)
  t.equal(stat(-1).rc, -E.EBADF)
  link(path('l'))
  t.equal(stat(dir, 'l').mode & constant('S_IFMT'), constant('S_IFLNK'), 'not followed')
})

t.test('chmod', async t => {
  for (const [how, [fd, name]] of Object.entries(objects(t, file))) {
    t.equal(sys.chmod(fd, name, 0o4711), 0, how)
    t.equal(stat(fd, name).mode, constant('S_IFREG') | 0o4711, how)
  }
  for (const [how, [fd, name]] of Object.entries(objects(t, link))) t.equal(sys.chmod(fd, name, 0o600), -E.EOPNOTSUPP, how)
  t.equal(sys.chmod(sandbox(t).fd, 'none', 0), -E.ENOENT)
})

t.test('chown', { skip: !isRoot && 'needs root' }, async t => {
  for (const make of [file, link]) {
    for (const [how, [fd, name]] of Object.entries(objects(t, make))) {
      t.equal(sys.chown(fd, name, 1234, 0xfffffffe), 0, how)
      t.match(stat(fd, name), { uid: 1234, gid: 0xfffffffe }, how)
      t.equal(sys.chown(fd, name, -1, 7), 0, how)
      t.match(stat(fd, name), { uid: 1234, gid: 7 }, how)
    }
  }
  t.equal(sys.chown(sandbox(t).fd, 'none', 1, 1), -E.ENOENT)
})

t.test('utimens', async t => {
  for (const make of [file, link]) {
    for (const [how, [fd, name]] of Object.entries(objects(t, make))) {
      t.equal(sys.utimens(fd, name, -1000, 999999999, 2 ** 33, 1), 0, how)
      t.match(stat(fd, name), { atime: -1000, atimeNsec: 999999999, mtime: 2 ** 33, mtimeNsec: 1 }, how)
      t.equal(sys.utimens(fd, name, 0, constant('UTIME_OMIT'), 0, constant('UTIME_NOW')), 0, how)
      const now = stat(fd, name)
      t.equal(now.atime, -1000, how)
      t.ok(Math.abs(now.mtime - Date.now() / 1000) < 60, how)
      t.equal(sys.utimens(fd, name, 0, 2e9, 0, 0), -E.EINVAL, how)
    }
  }
})

t.test('xattrs', async t => {
  const out = Buffer.alloc(1000)
  for (const [how, [fd, name]] of Object.entries(objects(t, file))) {
    const value = Buffer.from([0, 1, 255, 0])
    t.equal(sys.getxattr(fd, name, 'user.k\xff', out), -E.ENODATA, how)
    t.equal(sys.setxattr(fd, name, 'user.k\xff', value, constant('XATTR_REPLACE')), -E.ENODATA, how)
    t.equal(sys.setxattr(fd, name, 'user.k\xff', value, constant('XATTR_CREATE')), 0, how)
    t.equal(sys.setxattr(fd, name, 'user.k\xff', value, constant('XATTR_CREATE')), -E.EEXIST, how)
    t.equal(sys.getxattr(fd, name, 'user.k\xff', Buffer.alloc(0)), 4, how)
    t.equal(sys.getxattr(fd, name, 'user.k\xff', Buffer.alloc(3)), -E.ERANGE, how)
    t.equal(sys.getxattr(fd, name, 'user.k\xff', out), 4, how)
    t.same(out.subarray(0, 4), value, how)
    t.equal(sys.setxattr(fd, name, 'user.empty', Buffer.alloc(0), 0), 0, how)
    t.equal(sys.getxattr(fd, name, 'user.empty', out), 0, how)
    const length = sys.listxattr(fd, name, out)
    t.same(out.toString('latin1', 0, length).split('\0').sort(), ['', 'user.empty', 'user.k\xff'], how)
    t.equal(sys.listxattr(fd, name, Buffer.alloc(0)), length, how)
    t.equal(sys.listxattr(fd, name, Buffer.alloc(1)), -E.ERANGE, how)
    t.equal(sys.removexattr(fd, name, 'user.k\xff'), 0, how)
    t.equal(sys.removexattr(fd, name, 'user.k\xff'), -E.ENODATA, how)
  }
})

t.test('xattrs of symbolic links and of an ordinary fd', { skip: !isRoot && 'needs root' }, async t => {
  const out = Buffer.alloc(100)
  for (const [how, [fd, name]] of Object.entries(objects(t, link))) {
    t.equal(sys.setxattr(fd, name, 'trusted.k', Buffer.from('v'), 0), 0, how)
    t.equal(sys.getxattr(fd, name, 'trusted.k', out), 1, how)
    t.equal(sys.listxattr(fd, name, out), 10, how)
    t.equal(sys.removexattr(fd, name, 'trusted.k'), 0, how)
    t.equal(sys.setxattr(fd, name, 'user.k', Buffer.from('v'), 0), -E.EPERM, how)
  }
  const { fd: dir, path } = sandbox(t)
  file(path('f'))
  const fd = fs.openSync(path('f'), 'r+')
  t.equal(sys.setxattr(fd, '', 'user.k', Buffer.from('v'), 0), 0)
  t.equal(sys.getxattr(dir, 'f', 'user.k', out), 1)
  fs.closeSync(fd)
  t.equal(sys.getxattr(dir, 'none', 'user.k', out), -E.ENOENT)
})

t.test('statfs', async t => {
  const { fd: dir, dir: path } = sandbox(t)
  t.equal(sys.statfs(dir), 0)
  const want = fs.statfsSync(path)
  t.equal(Number(sys.fsstat.readBigUInt64LE(0)), want.blocks)
  t.equal(Number(sys.fsstat.readBigUInt64LE(24)), want.files)
  t.equal(sys.fsstat.readUInt32LE(40), want.bsize)
  t.equal(sys.fsstat.readUInt32LE(44), 255, 'namelen')
  t.equal(sys.fsstat.readUInt32LE(80), want.type)
  t.equal(sys.statfs(-1), -E.EBADF)
})

t.test('ioctl', async t => {
  const { path } = sandbox(t)
  file(path('f'))
  const fd = fs.openSync(path('f'), 'r')
  const word = Buffer.alloc(8)
  const get = sys.ioctl(fd, constant('FS_IOC_GETFLAGS'), word)
  t.ok(get === 0 || get === -E.ENOTTY || get === -E.EOPNOTSUPP, `FS_IOC_GETFLAGS: ${get}`)
  t.equal(sys.ioctl(fd, constant('FS_IOC_FSGETXATTR'), word), -E.EINVAL, 'a buffer smaller than the command says')
  t.equal(sys.ioctl(-1, constant('FS_IOC_GETFLAGS'), word), -E.EBADF)
  fs.closeSync(fd)
})

t.test('readdir', async t => {
  const { fd: dir, path } = sandbox(t)
  fs.mkdirSync(path('d'))
  fs.symlinkSync('x', path('l'))
  fs.writeFileSync(path('\u00e4\u20ac'), '')
  for (let i = 0; i < 3000; i++) fs.writeFileSync(path(`file-with-a-rather-long-name-${i}`), '')
  const listing = sys.readdir(dir)
  if (typeof listing === 'number') throw new Error(`readdir: ${listing}`)
  const { names, inos, types, hashes } = listing
  t.same([...hashes], names.map(nameHash), 'the hashes are those that JavaScript makes')
  t.same(names.slice().sort(), fs.readdirSync(path('.'), { encoding: 'latin1' }).sort())
  t.equal(types.length, names.length)
  t.equal(inos.length, 2 * names.length)
  t.equal(types[names.indexOf('d')], constant('DT_DIR'))
  t.equal(types[names.indexOf('l')], constant('DT_LNK'))
  const at = names.indexOf('file-with-a-rather-long-name-7')
  const ino = BigInt(inos[2 * at]!) | (BigInt(inos[2 * at + 1]!) << 32n)
  t.equal(ino, fs.statSync(path(names[at]!), { bigint: true }).ino)
  t.equal(types[at], constant('DT_REG'))

  const empty = must(sys.openat(dir, 'd', flags('PATH'), 0), 'openat')
  fs.rmdirSync(path('d'))
  t.same(sys.readdir(empty), { names: [], inos: new Uint32Array(), types: new Uint8Array(), hashes: new Float64Array(), plain: true }, 'a removed directory')
  sys.close(empty)
  const fd = fs.openSync(path('file-with-a-rather-long-name-7'), 'r')
  t.equal(sys.readdir(fd), -E.ENOTDIR)
  fs.closeSync(fd)
  t.equal(sys.readdir(-1), -E.EBADF)
})
