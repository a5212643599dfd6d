/** `mount.tsaufs` as mount(8) calls it, and its installation. The transcript over mount(8) itself: transcript.test.ts. */
import t from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseHelperArguments, type HelperCall } from '../../lib/cli/mount-helper.js'
import { NEEDS_ROOT, REPO, Sandbox, until } from './sandbox.js'

const plain: HelperCall = { source: 'none', mountpoint: '/mnt', options: '', sloppy: false, fake: false, verbose: false }

const GOOD: readonly (readonly [args: string, call: Partial<HelperCall>])[] = [
  ['none /mnt', {}],
  ['none /mnt -o rw,dirs=a:b', { options: 'rw,dirs=a:b' }],
  ['none /mnt -o rw -o dirs=a', { options: 'rw,dirs=a' }],
  ['none /mnt -s -v -n -o x', { options: 'x', sloppy: true, verbose: true }],
  ['none /mnt -sfnv', { sloppy: true, fake: true, verbose: true }],
  ['-o x none /mnt', { options: 'x' }],
  ['none /mnt -t fuse.tsaufs -o x', { options: 'x' }],
  ['- /mnt', { source: '-' }],
]

const BAD: readonly (readonly [args: string, message: string])[] = [
  ['none', 'mount.tsaufs: EINVAL: usage: mount.tsaufs SOURCE DIR [-sfnv] [-o OPTIONS]'],
  ['none /mnt more', 'mount.tsaufs: EINVAL: usage: mount.tsaufs SOURCE DIR [-sfnv] [-o OPTIONS]'],
  ['none /mnt -x', 'mount.tsaufs -x: EINVAL: unknown argument; usage: mount.tsaufs SOURCE DIR [-sfnv] [-o OPTIONS]'],
  ['none /mnt -o', 'mount.tsaufs -o: EINVAL: it needs a value'],
  ['none /mnt -N 5', 'mount.tsaufs -N 5: EOPNOTSUPP: not here; use nsenter --mount=FILE mount ...'],
]

t.test('the arguments of mount(8)', async (t) => {
  for (const [args, call] of GOOD) t.same(parseHelperArguments(args.split(' ')), { ...plain, ...call }, args)
  for (const [args, message] of BAD) t.throws(() => parseHelperArguments(args.split(' ')), { message, exit: 2 }, args)
})

t.test('installed, it needs nothing from its environment', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'a/x': '', 'b/y': '' })
  const install = join(REPO, 'scripts', 'install-mount-helper.sh')
  box.env['DESTDIR'] = box.at('dest')
  t.equal(box.exec(install).exit, 0)
  const helper = box.at('dest/sbin/mount.tsaufs')
  const bare = ['-i', `TSAUFS_RUN_DIR=${box.at('run')}`, 'PATH=/nowhere']
  t.same(box.exec('env', ...bare, helper, 'none', box.at('mnt'), '-o', 'rw,dirs=./a:./b'), { exit: 0, stdout: '', complaints: [] })
  t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n', 'relative branches begin where mount(8) was called')

  box.files({ 'e/z': '' })
  const remount = box.at('dest/sbin/mount.fuse.tsaufs')
  const passedOn = 'rw,relatime,remount,user_id=0,group_id=0,default_permissions,allow_other,append:e=ro'
  t.same(box.exec('env', ...bare, remount, 'none', box.at('mnt'), '-o', passedOn, '-t', 'fuse.tsaufs'), { exit: 0, stdout: '', complaints: [] })
  t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\nz\n', 'what mount(8) calls for a live mount')
  t.equal(box.run('umount', 'mnt').exit, 0)

  t.same(box.exec('env', ...bare, helper, 'none', box.at('mnt'), '-f', '-o', 'dirs=./a:./b'), { exit: 0, stdout: '', complaints: [] })
  t.same(box.mounts(), [], '-f: nothing is mounted')
  t.same(box.exec(helper, 'none', 'mnt', '-s', '-f', '-o', 'dirs=a:b,bogus'), { exit: 0, stdout: '', complaints: ["unknown option 'bogus' ignored"] })
  t.equal(box.exec(helper, 'none', 'mnt', '-o', 'dirs=a:b,bogus').exit, 2)
  t.equal(box.exec(helper, 'none', 'mnt', '-o', 'dirs=a:c').exit, 32)

  t.equal(box.exec(install, '--uninstall').exit, 0)
  t.notOk(existsSync(helper) || existsSync(remount))
  t.same(box.remains(), [])
})

/** Lines of a table as people write them; `\040` is a blank. */
const FSTAB = (box: string): string => `# file system  mount point  type  options  dump pass
none ${box}/at\\040boot tsaufs dirs=${box}/upper\\040one=rw:${box}/b=ro,x-systemd.requires=network-online.target,_netdev,nofail,user 0 0
home ${box}/by\\040hand fuse.tsaufs noauto,x-systemd.automount,comment=mine,defaults,xino=/x,dirs=${box}/c=rw:${box}/b=ro 0 0
none ${box}/never tsaufs noauto,dirs=${box}/a,bogus 0 0
`

t.test('/etc/fstab', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'upper one/x': '', 'b/y': '', 'c/z': '', 'at boot/in': '', 'by hand/in': '', 'never/in': '' })
  box.files({ fstab: FSTAB(box.path) })
  box.env['DESTDIR'] = box.at('dest')
  t.equal(box.exec(join(REPO, 'scripts', 'install-mount-helper.sh')).exit, 0)
  delete box.env['DESTDIR']
  // mount(8) looks for helpers in /sbin only: here that is ours alone.
  const inside = (script: string): ReturnType<Sandbox['exec']> =>
    box.exec('unshare', '--mount', '/bin/sh', '-c', `mount --bind "${box.at('dest/sbin')}" /sbin; ${script}`)

  t.same(inside('mount -a -T fstab; echo $?; ls "at boot" "by hand"; grep "$PWD" /proc/mounts; umount "at boot"'), {
    exit: 0, complaints: [],
    stdout: `0\nat boot:\nx\ny\n\nby hand:\nin\nnone ${box.path}/at\\040boot fuse.tsaufs rw,nosuid,nodev,noexec,relatime,user_id=0,group_id=0,default_permissions,allow_other 0 0\n`,
  }, 'mount -a: all but noauto; user means nosuid, nodev, noexec')
  t.same(inside('mount -T fstab "$PWD/by hand"; echo $?; ls "by hand"; grep -o "^home .* fuse.tsaufs" /proc/mounts; umount "by hand"'), {
    exit: 0, complaints: [], stdout: `0\ny\nz\nhome ${box.path}/by\\040hand fuse.tsaufs\n`,
  }, 'by its mount point')
  const noted = inside('mount -v -T fstab "$PWD/by hand" >&2; umount "by hand"')
  t.match(noted.complaints, ["option 'xino=/x' accepted with a note: inode numbers are stored with the copies, there is no table file"], '-v: what is taken and does nothing is named')
  const bad = inside('mount -T fstab "$PWD/never"; echo $?')
  t.equal(bad.stdout, '2\n')
  t.match(bad.complaints, [/^option 'bogus': EINVAL: unknown option/])
  t.equal(await until(() => box.remains().length === 0), true, box.remains().join(' '))
})
