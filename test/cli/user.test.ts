/** Mounting without being root: through fusermount3, and as root of a user namespace. */
import t from 'tap'
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { openFuseToUsers } from '../helpers/fuse-device.js'
import { NEEDS_ROOT, Sandbox } from './sandbox.js'

const NOBODY = 65534

/** A sandbox that belongs to nobody, who may open /dev/fuse. */
function usersBox(t: ConstructorParameters<typeof Sandbox>[0], more: Readonly<Record<string, string>> = {}): Sandbox {
  t.teardown(openFuseToUsers())
  const box = new Sandbox(t).files({ 'a/x': '', 'b/y': '', ...more })
  mkdirSync(box.at('run'), { mode: 0o700 })
  for (const name of ['', 'a', 'b', 'mnt', 'run', 'a/x', 'b/y', ...Object.keys(more).flatMap((path) => [dirname(path), path])]) chownSync(box.at(name), NOBODY, NOBODY)
  chmodSync(box.path, 0o755)
  return box
}

t.test('an ordinary user', { skip: NEEDS_ROOT }, async (t) => {
  const box = usersBox(t)
  t.same(box.user(t, 'mount', '-o', 'dirs=a:b,noatime', 'so,ur\\ce', 'mnt'), { exit: 0, stdout: '', complaints: [] })
  t.match(box.mounts()[0], /rw,nosuid,nodev,noatime .*fuse\.tsaufs so,ur\\134ce rw,user_id=65534,group_id=65534,default_permissions/)
  t.equal(box.asUser('sh', '-c', 'ls mnt; echo changed >mnt/y; mkdir mnt/d').stdout, 'x\ny\n')
  t.same(readdirSync(box.at('a')).filter((name) => !name.startsWith('.wh..wh.')), ['d', 'x', 'y'])
  t.equal(statSync(box.at('a/d')).uid, NOBODY)
  t.equal(box.user(t, 'list').stdout.split('\n').length, 2)
  t.same(box.user(t, 'umount', 'mnt'), { exit: 0, stdout: '', complaints: [] })
  t.same(box.remains(), [])

  t.equal(box.user(t, 'mount', '-o', 'dirs=a:b', 'mnt').exit, 0)
  const pid = box.pid()
  t.equal(box.asUser('fusermount3', '-u', 'mnt').exit, 0)
  t.equal(box.user(t, 'mount', '-o', 'dirs=a:b', 'mnt').exit, 0, 'at once again: the lock waits for nobody')
  t.not(box.pid(), pid)
  box.asUser('kill', '-9', String(box.pid()))
  const { exit, complaints } = box.user(t, 'mount', '-o', 'dirs=a:b', 'mnt')
  t.equal(exit, 0)
  t.equal(complaints[0], "mount @/mnt: a killed daemon's mount was left there; detached it")
  t.same(box.user(t, 'umount', 'mnt'), { exit: 0, stdout: '', complaints: [] })
  t.same(box.remains(), [])
})

t.test('an ordinary user changes his live mount; others are refused', { skip: NEEDS_ROOT }, async (t) => {
  const box = usersBox(t, { 'c/z': 'z\n' })
  t.equal(box.user(t, 'mount', '-o', 'dirs=a:b', 'mnt').exit, 0)
  const remount = (options: string): unknown => box.user(t, 'remount', '-v', '-o', options, 'mnt')
  const [a, b, c] = ['a', 'b', 'c'].map((name) => box.at(name))
  t.same(remount('append:c=ro'), { exit: 0, stdout: `${a}=rw\n${b}=ro\n${c}=ro\n`, complaints: [] })
  t.equal(box.asUser('sh', '-c', 'ls mnt; echo more >>mnt/z; cat mnt/z').stdout, 'x\ny\nz\nz\nmore\n', 'copied up from it')
  t.same(remount('del:b,mod:c=rr'), { exit: 0, stdout: `${a}=rw\n${c}=rr\n`, complaints: [] })
  t.equal(box.asUser('ls', 'mnt').stdout, 'x\nz\n')
  t.equal(box.user(t, 'mount', '-o', 'remount,prepend:b=rw', 'mnt').exit, 0, 'the same by mount')
  mkdirSync(box.at('d'))
  t.match(box.user(t, 'remount', '-o', 'prepend:d=rw', 'mnt').complaints, [/^branch @\/d: EACCES/], 'a directory he may not write to')
  t.match(box.user(t, 'remount', '-o', 'ro', 'mnt').complaints, [/EPERM: only root may do that/])
  t.equal(box.user(t, 'branches', 'mnt').stdout, `${b}=rw\n${a}=rw\n${c}=rr\n`, 'as it was')

  const program = box.programForUsers(t)
  const stranger = (): unknown =>
    box.exec('setpriv', '--reuid', '1', '--regid', '1', '--clear-groups', process.execPath, program, 'remount', '-o', 'del:a', 'mnt')
  t.same(stranger(), { exit: 1, stdout: '', complaints: ['remount mnt: EACCES: it is a mount of user 65534; only he may ask its daemon, or root with his TSAUFS_RUN_DIR'] })
  chmodSync(box.at('run'), 0o755)
  t.same(stranger(), { exit: 1, stdout: '', complaints: ['mount @/mnt: EACCES: it belongs to another user; only he and root may ask its daemon'] })
  t.equal(box.run('remount', '-o', 'del:b', 'mnt').exit, 0, 'root may')
  t.equal(box.user(t, 'umount', 'mnt').exit, 0)
  t.same(box.remains(), [])
})

t.test('root of a user namespace changes his live mount', { skip: NEEDS_ROOT }, async (t) => {
  const box = usersBox(t, { 'c/z': 'z\n' })
  const program = box.programForUsers(t)
  const script = `set -e; t='${process.execPath} ${program}'; $t mount -o dirs=a:b mnt; $t remount -v -o append:c,del:b mnt; ls mnt; echo new >mnt/z
    $t mount -o remount,add:1:b=rw mnt; ls mnt; $t umount mnt; ls run`
  const { exit, stdout, complaints } = box.asUser('unshare', '-U', '-r', '-m', 'sh', '-c', script)
  t.same([exit, complaints], [0, []])
  t.equal(stdout, `${box.at('a')}=rw\n${box.at('c')}=ro\nx\nz\nx\ny\nz\n`)
  t.same(box.remains(), [])
})

t.test('root of a user namespace', { skip: NEEDS_ROOT }, async (t) => {
  const box = usersBox(t)
  const program = box.programForUsers(t)
  const script = `set -e; t='${process.execPath} ${program}'; $t mount -o dirs=a:b mnt; ls mnt; echo new >mnt/y; $t branches mnt; $t umount mnt; ls run`
  const { exit, stdout, complaints } = box.asUser('unshare', '-U', '-r', '-m', 'sh', '-c', script)
  t.same(complaints, [])
  t.equal(exit, 0)
  t.equal(stdout, `x\ny\n${box.at('a')}=rw\n${box.at('b')}=ro\n`)
  t.equal(statSync(box.at('a/y')).uid, NOBODY, 'who is root only there')
  t.same(box.remains(), [])
})
