/** Mounts, and what the addon does to the process. */
import fs from 'node:fs'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { constant, E, flags, isRoot, must, openFds, sandbox, stat, sys } from './sandbox.js'

t.test('mount, umount', { skip: !isRoot && 'needs root' }, async t => {
  const { path } = sandbox(t)
  fs.mkdirSync(path('m'))
  t.equal(sys.mount('none', path('m'), 'tmpfs', constant('MS_NOSUID'), 'size=1m,mode=700'), 0)
  t.match(fs.readFileSync('/proc/self/mounts', 'latin1'), `${path('m')} tmpfs rw,nosuid`)
  t.equal(sys.umount(path('m'), constant('UMOUNT_NOFOLLOW')), 0)
  t.equal(sys.umount(path('m'), 0), -E.EINVAL)
  t.equal(sys.mount('none', path('none'), 'tmpfs', 0, ''), -E.ENOENT)
  t.equal(sys.mount('none', path('m'), 'no-such-fs', 0, ''), -E.ENODEV)
})

t.test('cloneMount', { skip: !isRoot && 'needs root' }, async t => {
  const { path } = sandbox(t)
  fs.mkdirSync(path('m'))
  must(sys.mount('none', path('m'), 'tmpfs', 0, ''), 'mount')
  fs.mkdirSync(path('m/inner'))
  fs.writeFileSync(path('m/inner/below'), '')
  fs.mkdirSync(path('m/later'))
  must(sys.mount('none', path('m/inner'), 'tmpfs', 0, ''), 'mount')
  fs.writeFileSync(path('m/inner/above'), '')
  t.teardown(() => {
    for (const at of ['m/later', 'm/inner', 'm']) sys.umount(path(at), constant('MNT_DETACH'))
  })

  const clone = must(sys.cloneMount(path('m'), 1), 'cloneMount')
  const writable = must(sys.cloneMount(path('m'), 0), 'cloneMount')
  must(sys.mount('none', path('m/later'), 'tmpfs', 0, ''), 'mount')
  fs.writeFileSync(path('m/later/hidden'), '')
  for (const fd of [clone, writable]) {
    const inner = must(sys.openBeneath(fd, 'inner', flags('PATH')), 'openBeneath')
    t.match(sys.readdir(inner), { names: ['below'] }, 'what a mount hides is there')
    sys.close(inner)
    const later = must(sys.openBeneath(fd, 'later', flags('PATH')), 'openBeneath')
    t.match(sys.readdir(later), { names: [] }, 'later mounts do not turn up')
    sys.close(later)
  }
  t.equal(sys.mkdirat(clone, 'd', 0o700), -E.EROFS)
  t.equal(sys.mkdirat(writable, 'd', 0o700), 0)
  sys.statfs(writable)
  t.ok(sys.fsstat.readUInt32LE(92) & constant('ST_NOATIME'))
  t.equal(stat(clone).ino, fs.statSync(path('m'), { bigint: true }).ino)
  sys.close(clone)
  sys.close(writable)
  t.equal(sys.cloneMount(path('none'), 1), -E.ENOENT)
})

t.test('fusermount: the fd comes through the socket', async t => {
  const { path } = sandbox(t)
  const before = openFds()
  const script = path('sender')
  fs.writeFileSync(
    script,
    '#!/usr/bin/env python3\nimport array, os, socket, sys\n' +
      "s = socket.socket(fileno=int(os.environ['_FUSE_COMMFD']))\n" +
      "s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [os.open(sys.argv[1], os.O_RDONLY)]))])\n",
    { mode: 0o755 },
  )
  fs.writeFileSync(path('gift'), 'sent')
  if (spawnSync('python3', ['-c', '']).status === 0) {
    const fd = must(sys.fusermount([script, path('gift')]), 'fusermount')
    t.equal(fs.readFileSync(fd, 'utf8'), 'sent')
    t.match(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), /flags:\s+02/, 'close-on-exec')
    sys.close(fd)
  }
  t.equal(sys.fusermount(['true']), -E.EPERM, 'ended without one')
  t.equal(sys.fusermount([path('none')]), -E.ENOENT)
  t.equal(openFds(), before)
})

/** What these do cannot be undone: another process. */
function inChild(code: string): unknown {
  const url = new URL('../../lib/os/native.js', import.meta.url).href
  const source = `import { sys } from ${JSON.stringify(url)}
    import fs from 'node:fs'
    const out = (() => {${code}})()
    fs.writeSync(1, JSON.stringify(out))`
  const args = [...process.execArgv, '--input-type=module', '-e', source]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

t.test('prepareProcess', async t => {
  const { limit, limits, ignored } = inChild(`
    const limit = sys.prepareProcess()
    return { limit, limits: fs.readFileSync('/proc/self/limits', 'utf8'),
      ignored: /SigIgn:\\s+(\\w+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1] }`) as Record<string, string>
  t.match(limits, new RegExp(`Max open files +${limit} +${limit} `))
  t.match(limits, isRoot ? /Max file size +unlimited +unlimited/ : /Max file size/)
  const bits = BigInt(`0x${ignored}`)
  t.ok(bits & (1n << 12n), 'SIGPIPE')
  t.ok(bits & (1n << 24n), 'SIGXFSZ')
})

t.test('setsid, dumpable, closeFrom', async t => {
  t.same(inChild(`return [sys.setsid() === process.pid, sys.setsid()]`), [true, -E.EPERM])
  t.same(inChild(`return [sys.dumpable(0), sys.dumpable(1)]`), [0, 0])
  t.same(
    inChild(`
      const fd = fs.openSync('/dev/null')
      const rc = [sys.closeFrom(fd, 1)]
      fs.fstatSync(fd)
      rc.push(sys.closeFrom(fd, 0))
      try { fs.fstatSync(fd) } catch (error) { rc.push(error.code) }
      return rc`),
    [0, 0, 'EBADF'],
  )
})

t.test('umask', async t => {
  const before = sys.umask(0o137)
  t.equal(sys.umask(before), 0o137)
})
