/**
 * Everything that can be wrong with a mount: one line that says what, on what, why, and what to do; the right exit code;
 * and nothing left of it.
 */
import t from 'tap'
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs'
import { NEEDS_ROOT, PROGRAM, Sandbox } from './sandbox.js'

interface Row {
  readonly name: string
  /** Files to make first. */
  readonly files?: Readonly<Record<string, string>>
  readonly prepare?: (box: Sandbox) => void
  readonly words: readonly string[]
  readonly line: string
  readonly exit: number
}

const mount = (options: string, mountpoint = 'mnt'): string[] => ['mount', '-o', options, mountpoint]

const ROWS: readonly Row[] = [
  {
    name: 'an unknown option', words: mount('dirs=a:b,udab=none'), exit: 2,
    line: "option 'udab=none': EINVAL: unknown option; did you mean 'udba'?",
  },
  {
    name: 'an option that is like no other', words: mount('dirs=a:b,wibblewobble'), exit: 2,
    line: "option 'wibblewobble': EINVAL: unknown option; 'tsaufs help mount' lists the options",
  },
  { name: 'no branches', words: mount('udba=none'), exit: 2, line: 'mount mnt: EINVAL: no branches; give them with -o dirs=PATH=rw:PATH=ro' },
  { name: 'no options', words: ['mount', 'mnt'], exit: 2, line: 'mount mnt: EINVAL: no branches; give them with -o dirs=PATH=rw:PATH=ro' },
  { name: 'no mount point', words: ['mount', '-o', 'dirs=a:b'], exit: 2, line: "mount: EINVAL: missing required argument 'mountpoint'; see 'tsaufs help mount'" },
  { name: 'too many places', words: [...mount('dirs=a:b', 'none'), 'mnt', 'more'], exit: 2, line: 'mount none mnt more: EINVAL: too many arguments; give [SOURCE] MOUNTPOINT' },
  { name: 'an unknown flag', words: ['mount', '--now', 'mnt'], exit: 2, line: "mount: EINVAL: unknown option '--now'; see 'tsaufs help mount'" },
  { name: 'an unknown command', words: ['moutn'], exit: 2, line: "EINVAL: unknown command 'moutn' (Did you mean mount?); see 'tsaufs --help'" },
  {
    name: 'malformed dirs', words: mount('dirs=a::b'), exit: 2,
    line: "option 'dirs=a::b': EINVAL: an element between ':' is empty; a ':' in a path is written '\\:'",
  },
  { name: 'a bad escape', words: mount('dirs=a\\b'), exit: 2, line: "path 'a\\b': EINVAL: '\\b' is no escape; write a backslash as '\\\\'" },
  { name: 'the same branch twice', words: mount('dirs=a:./a'), exit: 2, line: 'branch @/a: EINVAL: it is there twice; name each branch once' },
  {
    name: 'the same directory through a link', prepare: (box) => symlinkSync('a', box.at('link')), words: mount('dirs=a:link'), exit: 32,
    line: 'branch @/a: EINVAL: it is the same directory as a branch above it; name each directory once',
  },
  { name: 'a missing branch', words: mount('dirs=a:c'), exit: 32, line: 'branch @/c: ENOENT: there is no such directory; create it or correct the path' },
  { name: 'a file as branch', files: { c: '' }, words: mount('dirs=a:c'), exit: 32, line: 'branch @/c: ENOTDIR: it is not a directory; give a directory' },
  { name: 'a branch below a file', files: { c: '' }, words: mount('dirs=a:c/d'), exit: 32, line: 'branch @/c/d: ENOTDIR: it is not a directory; give a directory' },
  {
    name: 'links in a circle', prepare: (box) => symlinkSync('c', box.at('c')), words: mount('dirs=a:c'), exit: 32,
    line: 'branch @/c: ELOOP: symbolic links lead in a circle; correct the path',
  },
  {
    name: 'a branch in a branch', files: { 'a/sub/x': '' }, words: mount('dirs=a:a/sub'), exit: 32,
    line: 'branch @/a/sub: EINVAL: it overlaps branch @/a, which it lies in; use directories side by side',
  },
  {
    name: 'a branch around a branch', files: { 'b/deep/er/x': '' }, words: mount('dirs=b/deep/er:b'), exit: 32,
    line: 'branch @/b/deep/er: EINVAL: it overlaps branch @/b, which it lies in; use directories side by side',
  },
  {
    name: 'the mount point in a branch', files: { 'a/sub/x': '' }, words: mount('dirs=a:b', 'a/sub'), exit: 32,
    line: 'mount @/a/sub: EINVAL: the mount point lies in branch @/a; mount outside the branches',
  },
  {
    name: 'a branch as mount point', words: mount('dirs=a:b', 'b'), exit: 32,
    line: 'mount @/b: EINVAL: the mount point lies in branch @/b; mount outside the branches',
  },
  {
    name: 'a branch below the mount point', files: { 'mnt/c/x': '' }, words: mount('dirs=a:mnt/c'), exit: 32,
    line: 'mount @/mnt: EINVAL: branch @/mnt/c lies below the mount point and would be covered; mount somewhere else',
  },
  { name: 'a missing mount point', words: mount('dirs=a:b', 'nowhere'), exit: 32, line: 'mount @/nowhere: ENOENT: there is no such directory; create it or correct the path' },
  { name: 'a file as mount point', files: { c: '' }, words: mount('dirs=a:b', 'c'), exit: 32, line: 'mount @/c: ENOTDIR: a mount point is a directory; give a directory' },
  { name: 'procfs as branch', words: mount('dirs=a:/proc'), exit: 32, line: 'branch /proc: EINVAL: procfs cannot be a branch; give a directory of an ordinary file system' },
  { name: 'sysfs as branch', words: mount('dirs=a:/sys/kernel'), exit: 32, line: 'branch /sys/kernel: EINVAL: sysfs cannot be a branch; give a directory of an ordinary file system' },
  { name: 'a policy that does not exist', words: mount('dirs=a:b,cpup=mfs'), exit: 2, line: "option 'cpup=mfs': EINVAL: there is no such policy; give one of: tdp, bup, bu" },
  { name: 'a policy without its argument', words: mount('dirs=a:b,create=tdmfs'), exit: 2, line: "option 'create=tdmfs': EINVAL: write tdmfs:LOW[:SEC]: LOW in bytes or with K, M, G or T, SEC from 0 to 3600" },
  { name: 'remount', words: mount('remount,append:b'), exit: 1, line: "remount mnt: EINVAL: no union is mounted there; 'tsaufs list' shows them" },
  {
    name: '128 branches', words: mount(`dirs=${Array.from({ length: 128 }, (_, i) => `b${i}`).join(':')}`), exit: 32,
    line: 'branch @/b127: ENOSPC: a union has at most 127 branches; merge some or leave them out',
  },
  { name: 'unmounting nothing', words: ['umount', 'mnt'], exit: 1, line: "umount mnt: EINVAL: nothing is mounted there; 'tsaufs list' shows what is" },
  { name: 'unmounting what is not ours', words: ['umount', '/proc'], exit: 1, line: 'umount /proc: EINVAL: it is no union but proc; use umount' },
  { name: 'the branches of nothing', words: ['branches', 'mnt'], exit: 1, line: "branches mnt: EINVAL: no union is mounted there; 'tsaufs list' shows them" },
]

for (const { name, files, prepare, words, line, exit } of ROWS) {
  t.test(name, async (t) => {
    const box = new Sandbox(t).files(files ?? {})
    prepare?.(box)
    const { exit: got, complaints, stdout } = box.run(...words)
    t.same(complaints, [line])
    t.equal(got, exit)
    t.equal(stdout, '')
    t.same(box.remains(), [], 'nothing is left')
  })
}

t.test('-f refuses with the same words', async (t) => {
  const box = new Sandbox(t)
  const { exit, complaints } = box.run('mount', '-f', '-o', 'dirs=a:c', 'mnt')
  t.same(complaints, ['branch @/c: ENOENT: there is no such directory; create it or correct the path'])
  t.equal(exit, 32)
  t.same(box.remains(), [])
})

t.test('a read-only file system given as rw', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  t.equal(box.exec('mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', 'a').exit, 0)
  const { exit, complaints } = box.run('mount', '-o', 'dirs=a:b', 'mnt')
  t.same(complaints, ['branch @/a: EROFS: its file system is mounted read-only; give it as =ro, or remount the file system rw'])
  t.equal(exit, 32)
  t.equal(box.mounts().length, 1, 'only the tmpfs')
  t.same(box.records(), [])
})

t.test('no place for the state', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ file: '' })
  const rows: readonly (readonly [place: string, line: string])[] = [
    [box.at('file'), "state directory: EACCES: none can be written (@/file: EEXIST); set TSAUFS_RUN_DIR"],
    [box.at('x'.repeat(80)), `state directory @/${'x'.repeat(80)}: ENAMETOOLONG: a socket in it has a path of more than 107 bytes; set TSAUFS_RUN_DIR`],
  ]
  for (const [place, line] of rows) {
    box.env['TSAUFS_RUN_DIR'] = place
    const { exit, complaints } = box.run('mount', '-o', 'dirs=a:b', 'mnt')
    t.same(complaints, [line])
    t.equal(exit, 32)
    t.same(box.mounts(), [])
  }
})

t.test('bind mounts do not hide an overlap', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'a/sub/x': '', 'c/x': '' })
  t.equal(box.exec('mount', '--bind', 'a', 'c').exit, 0)
  for (const dirs of ['a/sub:c', 'c:a/sub', 'b:c/sub:a']) {
    const { exit, complaints } = box.run('mount', '-o', `dirs=${dirs}`, 'mnt')
    t.equal(exit, 32, dirs)
    t.match(complaints[0], /overlaps/, dirs)
  }
  t.match(box.run('mount', '-o', 'dirs=a:c', 'mnt').complaints[0], /same directory/)
  t.match(box.run('mount', '-o', 'dirs=a:b', 'c/sub').complaints[0], /the mount point lies in branch @\/a/)
})

t.test('a second writer', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  mkdirSync(box.at('mnt2'))
  box.mount(t)
  const { exit, complaints } = box.run('mount', '-o', 'dirs=a:b', 'mnt2')
  t.same(complaints, ['branch @/a: EBUSY: another mount writes to it; unmount that one, or give it as =ro'])
  t.equal(exit, 32)
  t.equal(box.mounts().length, 1)
  t.equal(box.records().length, 1)
  t.equal(box.run('mount', '-o', 'ro,dirs=a:b', 'mnt2').exit, 0, 'readers may share')
  t.equal(box.run('umount', 'mnt', 'mnt2').exit, 0)
  t.same(box.remains(), [])
})

t.test('a union as the writable branch of another', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  mkdirSync(box.at('c'))
  mkdirSync(box.at('mnt2'))
  box.mount(t)
  t.same(box.run('mount', '-o', 'dirs=mnt:c', 'mnt2').complaints, ['branch @/mnt: EINVAL: a union cannot keep the whiteouts of another one; give it as =ro'])
  t.equal(box.run('mount', '-o', 'dirs=c:mnt', 'mnt2').exit, 0, 'below it may be')
  t.equal(box.run('umount', 'mnt2').exit, 0)
  t.equal(box.run('mount', '-o', 'dirs=c:mnt=ro+wh', 'mnt2').exit, 0, 'also where whiteouts are looked for, which it has none of')
  t.equal(box.exec('sh', '-ec', 'cd mnt2; test ! -e missing; mkdir d; echo x >d/f; mv d e; rm -r e; test ! -e e').exit, 0)
  t.equal(box.run('umount', 'mnt2', 'mnt').exit, 0)
})

t.test('no /dev/fuse', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  const hide = 'mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9'
  const { exit, complaints } = box.exec('unshare', '-m', 'sh', '-c', `${hide} && exec ${process.execPath} ${PROGRAM} mount -o dirs=a:b mnt`)
  t.same(complaints, ['open /dev/fuse: ENOENT: there is no such device; load the module (modprobe fuse), or give the container the device (--device /dev/fuse)'])
  t.equal(exit, 32)
  t.same(box.remains(), [])
})

t.test('what an ordinary user may not', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  box.env['TSAUFS_RUN_DIR'] = box.at('urun')
  mkdirSync(box.at('rootdir'))
  mkdirSync(box.at('urun'))
  mkdirSync(box.at('private'), { mode: 0o700 })
  for (const name of ['', 'a', 'b', 'mnt', 'urun']) chownSync(box.at(name), 65534, 65534)
  chmodSync(box.path, 0o755)
  const rows: readonly (readonly [options: string, mountpoint: string, line: string])[] = [
    ['dirs=a:private', 'mnt', 'branch @/private: EACCES: no permission to read it; change its mode or mount as root'],
    ['dirs=a:private/c', 'mnt', 'branch @/private/c: EACCES: no permission to reach it; open the directories above it or mount as root'],
    ['dirs=rootdir:a', 'mnt', 'branch @/rootdir: EACCES: no permission to write to it; change its mode, or give it as =ro'],
    ['dirs=a:b', 'rootdir', 'mount @/rootdir: EACCES: an ordinary user can mount only on a directory that is writable to him; use one of yours or mount as root'],
  ]
  for (const [options, mountpoint, line] of rows) {
    const { exit, complaints } = box.user(t, 'mount', '-o', options, mountpoint)
    t.same(complaints, [line])
    t.equal(exit, 32)
  }
  t.same(box.mounts(), [])
})
