/** Making things as somebody else: whose they are, what umask and ACLs do, and that nothing of it stays. */
import fs from 'node:fs'
import t from 'tap'
import { constant, E, flags, isRoot, must, openFds, sandbox, stat, sys } from './sandbox.js'

const UID = 4321
const GID = 8765

/** user::rwx, user:77:rwx, group::rwx, mask::rwx, other::r-x, as linux/posix_acl_xattr.h lays it out. */
const DEFAULT_ACL = Buffer.from(
  '02000000' + '01000700ffffffff' + '020007004d000000' + '04000700ffffffff' + '10000700ffffffff' + '20000500ffffffff',
  'hex',
)

/** Each maker with the mode it is asked for; answers the result of the call. */
const makers: Record<string, (dir: number, name: string, mode: number, umask: number) => number> = {
  mkdirAs: (dir, name, mode, umask) => sys.mkdirAs(dir, name, mode, UID, GID, umask),
  mknodAs: (dir, name, mode, umask) => sys.mknodAs(dir, name, constant('S_IFIFO') | mode, 0, UID, GID, umask),
  createAs: (dir, name, mode, umask) => {
    const fd = sys.createAs(dir, name, flags('RDWR'), mode, UID, GID, umask)
    return fd < 0 ? fd : sys.close(fd)
  },
  tmpfileAs: (dir, name, mode, umask) => {
    const fd = sys.tmpfileAs(dir, flags('RDWR'), mode, UID, GID, umask)
    if (fd < 0) return fd
    const rc = sys.linkat(fd, '', dir, name)
    sys.close(fd)
    return rc
  },
}

function credentials(): string {
  const lines = fs.readFileSync('/proc/thread-self/status', 'utf8').split('\n')
  return lines.filter(line => /^(Uid|Gid|Cap|Umask)/.test(line)).join('\n')
}

t.test('as another user', { skip: !isRoot && 'needs root' }, async t => {
  const before = credentials()
  const { fd: dir, path } = sandbox(t)
  const fds = openFds()
  for (const [how, make] of Object.entries(makers)) {
    t.equal(make(dir, `${how}-1`, 0o777, 0o027), 0, how)
    t.match(stat(dir, `${how}-1`), { uid: UID, gid: GID }, how)
    t.equal(stat(dir, `${how}-1`).mode & 0o7777, 0o750, `${how}: umask`)
    t.equal(make(dir, `${how}-1`, 0o777, 0), -E.EEXIST, how)
    t.equal(credentials(), before, `${how}: put back`)
  }

  t.equal(sys.symlinkAs('to', dir, 'l', UID, GID), 0)
  t.match(stat(dir, 'l'), { uid: UID, gid: GID })
  t.equal(sys.symlinkAs('to', dir, 'l', UID, GID), -E.EEXIST)

  fs.mkdirSync(path('closed'), { mode: 0o700 })
  const closed = must(sys.openat(dir, 'closed', flags('PATH'), 0), 'openat')
  for (const [how, make] of Object.entries(makers)) {
    t.equal(make(closed, how, 0o644, 0), 0, `${how}: the kernel has checked already`)
  }
  t.equal(sys.mknodAs(closed, 'chr', constant('S_IFCHR') | 0o600, 0x103, UID, GID, 0), 0, 'devices too')
  t.match(stat(closed, 'chr'), { uid: UID, rdev: 0x103 })
  sys.close(closed)

  fs.mkdirSync(path('sgid'))
  fs.chownSync(path('sgid'), 0, 99)
  fs.chmodSync(path('sgid'), 0o2777)
  const sgid = must(sys.openat(dir, 'sgid', flags('PATH'), 0), 'openat')
  for (const [how, make] of Object.entries(makers)) {
    t.equal(make(sgid, how, 0o755, 0), 0, how)
    t.match(stat(sgid, how), { uid: UID, gid: 99 }, `${how}: the directory's group`)
  }
  t.equal(stat(sgid, 'mkdirAs').mode & 0o7777, 0o2755, 'and its bit for directories')
  sys.close(sgid)
  t.equal(credentials(), before)
  t.equal(openFds(), fds)
})

t.test('default ACLs stand in for the umask', { skip: !isRoot && 'needs root' }, async t => {
  const { fd: dir, path } = sandbox(t)
  fs.mkdirSync(path('acl'))
  const acl = must(sys.openat(dir, 'acl', flags('PATH'), 0), 'openat')
  must(sys.setxattr(acl, '', 'system.posix_acl_default', DEFAULT_ACL, 0), 'setxattr')
  for (const [how, make] of Object.entries(makers)) {
    t.equal(make(acl, how, 0o777, 0o077), 0, how)
    t.equal(stat(acl, how).mode & 0o777, 0o775, how)
    t.ok(sys.getxattr(acl, how, 'system.posix_acl_access', Buffer.alloc(0)) > 0, how)
  }
  sys.close(acl)
})

t.test('as ourselves', async t => {
  const { fd: dir } = sandbox(t)
  const uid = process.geteuid?.() ?? 0
  const gid = process.getegid?.() ?? 0
  t.equal(sys.mkdirAs(dir, 'd', 0o777, uid, gid, 0o022), 0)
  t.match(stat(dir, 'd'), { mode: constant('S_IFDIR') | 0o755, uid, gid })
  const mask = sys.umask(0o123)
  sys.mkdirAs(dir, 'e', 0o777, uid, gid, 0)
  t.equal(sys.umask(mask), 0o123, 'our own umask is put back')
  t.equal(sys.mkdirAs(dir, 'none/x', 0o777, uid, gid, 0), -E.ENOENT)
})

t.test('an id that cannot be taken is refused, and nothing made', { skip: !isRoot && 'needs root' }, async t => {
  const { fd: dir } = sandbox(t)
  const before = credentials()
  t.equal(sys.mkdirAs(dir, 'd', 0o777, 0xffffffff, 5, 0), -E.EPERM)
  t.equal(stat(dir, 'd').rc, -E.ENOENT)
  t.equal(credentials(), before)
})
