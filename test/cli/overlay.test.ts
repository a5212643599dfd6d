/**
 * `tsaufs-overlay`, the drop-in for fuse-overlayfs: its command line, as engines and containerd's mount helper write it.
 */
import t from 'tap'
import { mkdirSync, readFileSync, statfsSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { NEEDS_ROOT, REPO, Sandbox, until } from './sandbox.js'

const root = { skip: NEEDS_ROOT }
const OVERLAY = join(REPO, 'bin', 'tsaufs-overlay')

function layers(t: ConstructorParameters<typeof Sandbox>[0]): Sandbox {
  const box = new Sandbox(t).files({ 'l1/both': '1', 'l1/one': '', 'l2/both': '2', 'l2/two': '' })
  for (const name of ['upper', 'work', 'bin']) mkdirSync(box.at(name))
  symlinkSync('../l1', box.at('bin', 'L1'))
  box.env['TSAUFS_SPARE'] = '0'
  return box
}

t.test('mounts in every form engines use, and ends by itself', root, async (t) => {
  const rw = 'lowerdir=bin/L1:l2,upperdir=upper,workdir=work,,volatile'
  const rows: readonly (readonly [words: readonly string[], kind: string])[] = [
    [['-o', rw, 'mnt'], 'rw'],
    [[`-o${rw}`, 'mnt'], 'rw'],
    [['overlay', 'mnt', '-o', rw], 'rw'],
    [['-o', 'lowerdir=l1:l2', 'mnt'], 'ro'],
    [['-o', 'lowerdir=l1', '-o', 'lowerdir=l1:l2', '--unknown', 'mnt'], 'ro'],
  ]
  for (const [words, kind] of rows) {
    const box = layers(t)
    t.same(box.exec(OVERLAY, ...words), { exit: 0, stdout: '', complaints: [] }, words.join(' '))
    t.equal(box.exec('stat', '-f', '-c', '%t', 'mnt').stdout, '65735546\n', 'the magic number engines look for')
    t.equal(box.exec('ls', 'mnt').stdout, 'both\none\ntwo\n')
    t.equal(readFileSync(box.at('mnt/both'), 'utf8'), '1')
    t.match(box.mounts().join(), new RegExp(` fuse.tsaufs tsaufs-overlay ${kind},`))
    t.equal(box.exec('rm', 'mnt/two').exit, kind === 'rw' ? 0 : 1)
    t.equal(box.exec('fusermount3', '-u', 'mnt').exit, 0)
    t.ok(await until(() => box.remains().length === 0), 'nothing is left')
    t.equal(box.exec('ls', '-A', 'upper', 'work').stdout, kind === 'rw' ? 'upper:\n.wh.two\n\nwork:\n' : 'upper:\n\nwork:\n')
  }
})

t.test('called fuse-overlayfs', root, async (t) => {
  const box = layers(t)
  symlinkSync(OVERLAY, box.at('bin', 'fuse-overlayfs'))
  box.env['PATH'] = `${box.at('bin')}:${box.env['PATH']}`
  t.same(box.exec('fuse-overlayfs', '-o', 'lowerdir=l1:l2', 'mnt'), { exit: 0, stdout: '', complaints: [] })
  t.equal(box.exec('umount', 'mnt').exit, 0)
  t.match(box.exec('fuse-overlayfs', '--version'), { exit: 0, stdout: /^fuse-overlayfs: version \d+\.\d+/, complaints: [] })
  t.match(box.exec('fuse-overlayfs', '--help'), { exit: 0, stdout: /lowerdir/, complaints: [] })
})

t.test('layers, the upper directory and the mount point may lie in each other', root, async (t) => {
  const box = layers(t)
  t.same(box.exec(OVERLAY, '-o', 'lowerdir=.,upperdir=upper,workdir=work', 'mnt'), { exit: 0, stdout: '', complaints: [] })
  t.equal(box.exec('sh', '-c', 'ls mnt mnt/mnt; echo new >mnt/l1/one; cat mnt/l1/one upper/l1/one; ls -A mnt/upper').exit, 0)
  t.equal(readFileSync(box.at('l1/one'), 'utf8'), '')
  t.equal(box.exec('umount', 'mnt').exit, 0)
})

t.test('in the foreground', root, async (t) => {
  const box = layers(t)
  const child = box.start([OVERLAY, '-f', '-o', 'lowerdir=l1:l2', 'mnt'])
  t.ok(await until(() => box.mounts().length > 0))
  t.equal(box.exec('ls', 'mnt').stdout, 'both\none\ntwo\n')
  t.equal(box.exec('umount', 'mnt').exit, 0)
  t.ok(await until(() => child.exitCode !== null))
  t.equal(child.exitCode, 0)
})

t.test('what cannot be mounted is told in one line', async (t) => {
  const box = layers(t)
  const rows: readonly (readonly [words: readonly string[], exit: number, line: RegExp])[] = [
    [['mnt'], 2, /^mount mnt: EINVAL: no lowerdir/],
    [['-o', 'lowerdir=l1'], 2, /^mount: EINVAL: no mount point/],
    [['-o'], 2, /^tsaufs-overlay -o: EINVAL: it needs a value/],
    [['-o', 'lowerdir=l1,upperdir=upper', 'mnt'], 2, /workdir/],
    [['-o', 'lowerdir=l1:nowhere', 'mnt'], 32, /^branch @\/nowhere: ENOENT: /],
    [['-o', 'lowerdir=l1', 'nowhere'], 32, /^mount @\/nowhere: ENOENT: /],
  ]
  for (const [words, exit, line] of rows) {
    const outcome = box.exec(OVERLAY, ...words)
    t.equal(outcome.exit, exit, words.join(' '))
    t.equal(outcome.complaints.length, 1)
    t.match(outcome.complaints[0], line)
    t.same(box.remains(), [])
  }
})

/** Directory entries as an engine's walk sees them: numbers by name. */
function numbers(box: Sandbox, dir: string): Record<string, string> {
  const listed = box.exec('python3', '-c', `import os\nfor e in os.scandir('${dir}'): print(e.name, e.inode())`)
  t.equal(listed.exit, 0)
  return Object.fromEntries(listed.stdout.trim().split('\n').map((line) => line.split(' ') as [string, string]))
}

t.test('the image beside its container: one device, and numbers that tell what was touched', root, async (t) => {
  const box = layers(t).files({ 'l2/d/e/f': '', 'l2/d/g': '', 'l2/h/i': '' })
  mkdirSync(box.at('empty'))
  mkdirSync(box.at('image'))
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper,workdir=work', 'mnt').exit, 0)
  t.equal(box.exec('sh', '-c', 'echo x >mnt/d/e/f; rm mnt/two').exit, 0)
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=bin/L1:l2:empty', 'image').exit, 0)
  t.equal(statSync(box.at('mnt')).dev, statSync(box.at('image')).dev)
  t.equal(box.records().filter((name) => name.startsWith('si_')).length, 1, 'one process')
  t.equal(box.exec('sh', '-c', '>image/new').exit, 2, 'the image is read-only')
  const same = (dir: string): string[] => {
    const [ours, image] = [numbers(box, `mnt/${dir}`), numbers(box, `image/${dir}`)]
    return Object.keys(image).filter((name) => ours[name] === image[name]).sort()
  }
  t.same(same('.'), ['both', 'h', 'one'])
  t.same(same('d'), ['g'])
  t.same(same('d/e'), [])
  t.same(same('h'), ['i'])
  t.equal(box.exec('sh', '-c', 'chmod 600 mnt/h/i').exit, 0)
  t.ok(await until(() => same('h').length === 0), 'changes show in lists the kernel has kept')
  t.same(same('.'), ['both', 'one'])
  t.equal(readFileSync(box.at('image/d/e/f'), 'utf8'), '')

  // The container goes and comes again while the image stays.
  t.equal(box.exec('umount', 'mnt').exit, 0)
  t.same(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper,workdir=work', 'mnt'), { exit: 0, stdout: '', complaints: [] })
  t.equal(readFileSync(box.at('mnt/d/e/f'), 'utf8'), 'x\n')
  t.equal(box.exec('umount', 'mnt', 'image').exit, 0)
  t.ok(await until(() => box.remains().length === 0), 'nothing is left')
})

t.test('of several containers on one image, the one that an engine has asked takes its image', root, async (t) => {
  const box = layers(t)
  for (const name of ['upper2', 'mnt2', 'image', 'image2']) mkdirSync(box.at(name))
  // The engine is this process, whose own statfs(2) counts, and whose child the mount command is.
  const asks = (mountpoint: string): void => void statfsSync(box.at(mountpoint))
  const image = (at: string): number => {
    t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2', at).exit, 0)
    return statSync(box.at(at)).dev
  }
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper,workdir=work', 'mnt').exit, 0)
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper2,workdir=work', 'mnt2').exit, 0)
  const [first, second] = [statSync(box.at('mnt')).dev, statSync(box.at('mnt2')).dev]
  t.not(first, second)
  t.equal(image('image'), second, 'the last one mounted')
  t.equal(box.exec('umount', 'image').exit, 0)
  asks('mnt')
  t.equal(image('image'), first)
  t.equal(box.exec('stat', '-f', 'mnt2').exit, 0)
  t.equal(image('image2'), first, 'what another process asks is of no account')
  t.equal(box.exec('umount', 'image', 'image2').exit, 0)
  // As often as wanted.
  for (let i = 0; i < 70; i++) {
    const other = i % 2 === 1
    asks(other ? 'mnt2' : 'mnt')
    if (image('image') !== (other ? second : first)) t.fail(`time ${i}`)
    t.equal(box.exec('umount', 'image').exit, 0)
  }
  t.equal(box.exec('umount', 'mnt2').exit, 0)
  asks('mnt')
  t.equal(image('image'), first, 'the last one is gone')
  t.equal(box.exec('umount', 'image', 'mnt').exit, 0)
  t.ok(await until(() => box.remains().length === 0), 'nothing is left')
})

t.test('a process that was killed leaves nothing behind for long, and the next mount is as the first', root, async (t) => {
  const box = layers(t)
  mkdirSync(box.at('image'))
  const sockets = (): string[] => box.records().filter((name) => name.startsWith('.beside.'))
  const mount = (): number | null => box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper,workdir=work', 'mnt').exit
  t.equal(mount(), 0)
  t.equal(sockets().length, 2)
  process.kill(box.pid(), 'SIGKILL')
  t.equal(box.exec('umount', '-l', 'mnt').exit, 0)
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2', 'image').exit, 0, 'nobody answers at the socket')
  t.equal(box.exec('umount', 'image').exit, 0)
  t.ok(await until(() => box.run('list').exit === 0 && box.records().length === 0), 'swept out')
  t.equal(mount(), 0)
  t.equal(sockets().length, 2)
  t.equal(box.exec('umount', 'mnt').exit, 0)
  t.ok(await until(() => box.remains().length === 0), 'nothing is left')
})

t.test('other layers, other flags, other users of the socket: a mount of its own', root, async (t) => {
  const box = layers(t)
  mkdirSync(box.at('image'))
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper,workdir=work', 'mnt').exit, 0)
  for (const options of ['lowerdir=l2', 'lowerdir=l2:l1', 'lowerdir=l1:l2,nosuid', 'lowerdir=l1:l2,noacl']) {
    t.equal(box.exec(OVERLAY, '-o', options, 'image').exit, 0, options)
    t.not(statSync(box.at('mnt')).dev, statSync(box.at('image')).dev)
    t.equal(box.exec('umount', 'image').exit, 0)
  }
  t.equal(box.exec('umount', 'mnt').exit, 0)
  t.ok(await until(() => box.remains().length === 0), 'nothing is left')
})

t.test('names of 255 bytes, of which a whiteout of a name of its own has no room', root, async (t) => {
  const [mine, below] = ['m'.repeat(255), 'b'.repeat(255)]
  const box = layers(t).files({ [`l1/${below}`]: 'below', 'l1/d/x': '' })
  t.equal(box.exec(OVERLAY, '-o', 'lowerdir=l1:l2,upperdir=upper,workdir=work', 'mnt').exit, 0)
  t.equal(box.exec('stat', '-f', '-c', '%l', 'mnt').stdout, '255\n')
  t.equal(box.exec('sh', '-ec', `cd mnt; echo x >${mine}; mv ${mine} d/${mine}; ln d/${mine} ${mine}; rm d/${mine}; rm ${mine}; echo x >>${below}`).exit, 0)
  t.equal(readFileSync(box.at('mnt', below), 'utf8'), 'belowx\n')
  t.equal(box.exec('rm', `mnt/${below}`).exit, 0, 'a layer has it: whited out in its place')
  t.equal(box.exec('test', '-e', `mnt/${below}`).exit, 1)
  t.equal(box.exec('umount', 'mnt').exit, 0)
  t.ok(await until(() => box.remains().length === 0), 'nothing is left')
})
