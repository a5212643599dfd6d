/** `-o transport=fuse-native`. What it can express of the scenarios: scenario/subjects/fuse-native.ts. */
import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { fuseNativeMissing } from '../scenario/subjects/fuse-native.js'
import { isGone, NEEDS_ROOT, Sandbox, until } from './sandbox.js'

const WARNING = /^transport=fuse-native: slow; files belong to who mounted/
const skip = NEEDS_ROOT || (fuseNativeMissing() ?? false)
const mount = (box: Sandbox, options = ''): ReturnType<Sandbox['run']> => box.run('mount', '-o', `dirs=a:b,transport=fuse-native${options}`, 'mnt')

t.test('a mount from its first request to its end', { skip }, async (t) => {
  const box = new Sandbox(t).files({ 'b/low': 'lower', 'b/d/x': '' })
  const { exit, complaints } = mount(box)
  t.equal(exit, 0)
  t.match(complaints, [WARNING], 'the limits are said, in one line')
  t.equal(box.exec('cat', 'mnt/low').stdout, 'lower')
  t.equal(box.sh('echo more >> mnt/low; mv mnt/d mnt/e; rm mnt/e/x; echo new > mnt/e/n; ln mnt/low mnt/e/l; ls -R mnt').stdout, 'mnt:\ne\nlow\n\nmnt/e:\nl\nn\n')
  t.equal(readFileSync(box.at('a/low'), 'utf8'), 'lowermore\n', 'copied up')
  t.equal(readFileSync(box.at('b/low'), 'utf8'), 'lower')
  t.equal(box.sh('head -c 3000000 /dev/urandom > a/big; cmp a/big mnt/big; cp mnt/big mnt/e/big; cmp a/big mnt/e/big; echo $?').stdout, '0\n', 'more data than a message holds')
  writeFileSync(box.at('b/direct'), 'seen at once')
  t.equal(box.exec('cat', 'mnt/direct').stdout, 'seen at once', 'udba=reval')
  t.match(box.sh('setfattr -n user.k -v value mnt/low; getfattr -d mnt/low').stdout, 'user.k="value"')
  t.equal(box.sh('exec 3> mnt/open; rm mnt/open; echo still >&3; ls -A mnt/e').exit, 0, 'a file without a name')
  t.equal(box.exec('getfattr', '-n', 'user.tsaufs.branch', 'mnt/low').exit, 1, 'whoever asks may not be root')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.equal(await until(() => box.descendants().length === 0), true, 'neither process is left')
  t.same(box.remains(), [])
})

t.test('read-only; options that it cannot have', { skip }, async (t) => {
  const box = new Sandbox(t).files({ 'b/x': '' })
  t.equal(mount(box, ',ro').exit, 0)
  t.match(box.sh('touch mnt/new').complaints, [/Read-only file system/])
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same(mount(box, ',io=passthrough'), {
    exit: 2, stdout: '', complaints: ["option 'io=passthrough': EOPNOTSUPP: not with transport=fuse-native; use io=cached"],
  })
  t.equal(await until(() => box.remains().length === 0), true)
})

t.test('either process is killed', { skip }, async (t) => {
  for (const whom of ['the daemon', 'the other']) {
    const box = new Sandbox(t).files({ 'b/x': '' })
    t.equal(mount(box).exit, 0)
    const daemon = box.pid()
    const other = box.descendants().find((pid) => pid !== daemon)!
    process.kill(whom === 'the daemon' ? daemon : other, 'SIGKILL')
    t.equal(await until(() => isGone(daemon) && isGone(other)), true, `${whom}: both have ended`)
    t.equal(box.exec('ls', 'mnt').exit, 2, 'ENOTCONN')
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.same(box.mounts(), [])
  }
})

t.test('without the package', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  const { exit, complaints } = box.exec(process.execPath, box.programForUsers(t), 'mount', '-o', 'dirs=a:b,transport=fuse-native', 'mnt')
  t.equal(exit, 32)
  t.equal(complaints.at(-1), 'mount @/mnt by fuse-native: ENOENT: the package is not installed; run: npm install fuse-native@2.2.6')
  t.equal(await until(() => box.remains().length === 0 && box.descendants().length === 0), true, 'nothing is left')
})
