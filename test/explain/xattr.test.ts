/** `user.tsaufs.*` through the mount: who may ask, what is told, what is never copied; and the control object. */
import t, { type Test } from 'tap'
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

/** The value of an attribute, its parts apart; the error's last words if there is none. */
function ask(box: Sandbox, key: string, path: string): string | string[] {
  const { stdout, complaints } = box.exec('python3', '-c',
    'import os,sys\ntry: sys.stdout.buffer.write(os.getxattr(sys.argv[1], "user.tsaufs." + sys.argv[2]))\nexcept OSError as e: sys.exit(e.strerror)', path, key)
  if (complaints.length > 0) return complaints[0]!
  return stdout.includes('\0') ? stdout.split('\0') : stdout
}

const NONE = 'No data available'

function mounted(t: Test, options: string): Sandbox {
  const box = new Sandbox(t).files({ 'b/d/x': 'b', 'c/d/x': 'c', 'c/d/y': 'c', 'c/gone': '' })
  chmodSync(box.path, 0o755)
  chmodSync(box.at('a'), 0o777)
  box.mount(t, '-o', `dirs=a=rw:b=ro:c=ro,${options}`, 'mnt')
  return box
}

for (const options of ['io=cached,udba=none', 'io=passthrough', 'io=cached,udba=reval']) {
  t.test(`files, ${options}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = mounted(t, options)
    t.equal(ask(box, 'branch', 'mnt/d/x'), box.at('b'))
    t.same(ask(box, 'layers', 'mnt/d/x'), [box.at('b/d/x'), box.at('c/d/x')])
    t.same(ask(box, 'layers', 'mnt/d'), [box.at('b/d'), box.at('c/d')])
    t.match(ask(box, 'origin', 'mnt/d/x'), new RegExp(`^[0-9a-f]{16}:${statSync(box.at('b/d/x')).ino}$`))
    t.equal(ask(box, 'whiteout', 'mnt/d'), NONE)
    const origin = ask(box, 'origin', 'mnt/d/x')
    box.sh('rm mnt/d/y mnt/gone; echo more >>mnt/d/x')
    t.equal(ask(box, 'branch', 'mnt/d/x'), box.at('a'))
    t.same(ask(box, 'layers', 'mnt/d/x'), [box.at('a/d/x'), box.at('b/d/x'), box.at('c/d/x')])
    t.equal(ask(box, 'origin', 'mnt/d/x'), origin, 'the copy is of the same origin')
    t.equal(ask(box, 'whiteout', 'mnt/d'), box.at('a/d/.wh.y'))
    t.equal(ask(box, 'whiteout', 'mnt'), box.at('a/.wh.gone'))
    for (const key of ['nothing', 'impure', 'redirect', '', 'constructor']) t.equal(ask(box, key, 'mnt/d/x'), NONE, key)
    t.equal(box.exec('getfattr', '-d', '-m', '-', 'mnt/d/x', 'mnt/d').stdout, '', 'not listed')
    const set = box.exec('setfattr', '-n', 'user.tsaufs.branch', '-v', 'x', 'mnt/d/x')
    t.match([set.exit, set.complaints[0]], [1, /not permitted/])
    mkdirSync(box.at('out'))
    box.sh('cp -a mnt/d out/; tar --xattrs --xattrs-include="*" -cf out/t.tar -C mnt d; mkdir out/x; tar --xattrs --xattrs-include="*" -xf out/t.tar -C out/x')
    t.equal(box.exec('getfattr', '-R', '-d', '-m', '-', 'out').stdout, '', 'neither cp -a nor tar take it along')
    const other = box.asUser('getfattr', '-n', 'user.tsaufs.branch', 'mnt/d/x')
    t.match([other.exit, other.complaints[0]], [1, /No such attribute/], 'not for others')
    const contained = box.exec('unshare', '-m', 'getfattr', '-n', 'user.tsaufs.branch', 'mnt/d/x')
    t.match([contained.exit, contained.complaints[0]], [1, /No such attribute/], 'nor for root of another mount namespace')
    t.equal(box.exec('unshare', '-m', 'stat', 'mnt/.tsaufs').exit, 1)
  })

  t.test(`the control object, ${options}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = mounted(t, options)
    t.equal(box.asUser('stat', 'mnt/.tsaufs').exit, 1, 'not there for others')
    t.equal(box.exec('stat', '-c', '%A %s %F', 'mnt/.tsaufs').stdout, '-rw------- 0 regular empty file\n', 'also when they asked first')
    t.equal(box.asUser('stat', 'mnt/.tsaufs').exit, 1, 'nor when root did')
    t.equal(box.exec('stat', 'mnt/d/.tsaufs').exit, 1, 'in the root only')
    t.equal(box.exec('ls', '-A', 'mnt').stdout, 'd\ngone\n', 'not listed')
    t.equal(ask(box, 'branches', 'mnt/.tsaufs'), ['a=rw', 'b=ro', 'c=ro'].map((branch) => box.at(branch)).join(':'))
    t.equal(ask(box, 'pid', 'mnt/.tsaufs'), String(box.pid()))
    t.equal(ask(box, 'branch', 'mnt/.tsaufs'), NONE)
    t.match(box.exec('getfattr', '-d', 'mnt/.tsaufs').stdout, /^user.tsaufs.mountpoint=".*\/mnt"$/m, 'it lists its own')
    const set = box.exec('setfattr', '-n', 'user.tsaufs.pid', '-v', '1', 'mnt/.tsaufs')
    t.match([set.exit, set.complaints[0]], [1, /Read-only file system/])
    for (const deed of ['chmod 644', 'rm', 'truncate -s 5', 'ln -t mnt/d']) t.not(box.sh(`${deed} mnt/.tsaufs`).exit, 0, deed)
    t.equal(box.exec('find', 'a', '-not', '-type', 'd').stdout, '', 'nothing came of it')
    t.match(box.run('stats', '--json', 'mnt'), { exit: 0 })

    t.equal(box.sh('echo mine >mnt/x; mv mnt/x mnt/.tsaufs; cat mnt/.tsaufs').stdout, 'mine\n', 'a user\'s file wins')
    t.equal(box.asUser('sh', '-c', 'ls -A mnt').stdout, '.tsaufs\nd\ngone\n')
    t.equal(ask(box, 'branch', 'mnt/.tsaufs'), box.at('a'))
    box.sh('rm mnt/.tsaufs')
    t.equal(box.asUser('touch', 'mnt/.tsaufs').exit, 0, 'others create it as any name')
    t.equal(box.exec('stat', '-c', '%u %s', 'mnt/.tsaufs').stdout, '65534 0\n')
  })
}
