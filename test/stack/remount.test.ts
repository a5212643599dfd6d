/** Changing the branches of a live mount: what is seen, what goes on, what is refused. Every row of aufs's rules for it. */
import t from 'tap'
import fs from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { NEEDS_ROOT, REPO, Sandbox } from '../cli/sandbox.js'

/** A union of directories in a sandbox. */
class Union {
  readonly box: Sandbox

  constructor(t: Test, tree: Readonly<Record<string, string>>, options: string) {
    this.box = new Sandbox(t).files(tree)
    for (const dir of ['c', 'd']) fs.mkdirSync(this.box.at(dir), { recursive: true })
    this.box.mount(t, '-o', options, 'mnt')
  }

  /** A path in the mount. */
  at(...names: string[]): string {
    return this.box.at('mnt', ...names)
  }

  text(name: string): string {
    return fs.readFileSync(this.at(name), 'utf8')
  }

  list(dir = ''): string[] {
    return fs.readdirSync(this.at(dir)).sort()
  }

  /** `tsaufs remount` that must succeed. */
  change(t: Test, options: string): void {
    t.same(this.box.run('remount', '-o', options, 'mnt'), { exit: 0, stdout: '', complaints: [] }, options)
  }

  /** One that is refused with a line, and changes nothing. */
  refused(t: Test, options: string, line: string | RegExp, exit = 32): void {
    const before = this.branches()
    const outcome = this.box.run('remount', '-o', options, 'mnt')
    t.match({ exit: outcome.exit, line: outcome.complaints.join('\n') }, { exit, line }, options)
    t.same(this.branches(), before, 'nothing has changed')
  }

  branches(): string[] {
    return this.box.run('branches', 'mnt').stdout.trim().split('\n').map((line) => line.replace(`${this.box.path}/`, ''))
  }

  /** A process that does something, says a line, waits for one, and says what it has to say; answered by `finish`. */
  async user(...words: string[]): Promise<{ finish(): Promise<string> }> {
    const child = this.box.start(words)
    let text = ''
    child.stdout!.setEncoding('utf8').on('data', (part: string) => { text += part })
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    const end = new Promise<string>((resolve) => child.once('close', () => resolve(text)))
    return {
      finish: () => {
        child.stdin!.end('\n')
        return end
      },
    }
  }

  /** One that has the file mapped. */
  mapper(name: string, size: number): Promise<{ finish(): Promise<string> }> {
    const script = `import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
m = mmap.mmap(fd, ${size}, mmap.MAP_SHARED, mmap.PROT_READ)
print('ready', flush=True)
sys.stdin.readline()
print(m[:].decode())`
    return this.user('python3', '-c', script, this.at(name))
  }

  end(t: Test): void {
    t.equal(this.box.run('umount', 'mnt').exit, 0, 'unmounted')
    t.same(this.box.remains(), [], 'nothing is left')
  }
}

const code = (call: () => unknown): string => {
  try {
    call()
    return 'done'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

for (const udba of ['none', 'reval', 'notify']) {
  t.test(`udba=${udba}`, { skip: NEEDS_ROOT }, async (t) => {
    t.test('add: entries appear, a new top hides, whiteouts and opaque marks count', async (t) => {
      const u = new Union(t, {
        'b/f': 'b', 'b/d/x': 'bx', 'b/gone': 'b', 'b/o/below': 'b',
        'c/f': 'c', 'c/new': 'c', 'c/d/y': 'cy', 'c/.wh.gone': '', 'c/o/.wh..wh..opq': '', 'c/o/only': 'c', 'd/low': 'd', 'd/f': 'd',
      }, `dirs=a=rw:b=ro,udba=${udba}`)
      t.equal(code(() => u.text('new')), 'ENOENT')
      t.equal(u.text('f'), 'b')
      t.same([u.list(), u.list('d'), u.list('o')], [['d', 'f', 'gone', 'o'], ['x'], ['below']])
      const ino = fs.statSync(u.at('d')).ino
      u.change(t, 'add:1:c=ro+wh')
      t.equal(u.text('new'), 'c', 'what was known not to be there')
      t.equal(u.text('f'), 'c')
      t.equal(code(() => u.text('gone')), 'ENOENT')
      t.same([u.list(), u.list('d'), u.list('o')], [['d', 'f', 'new', 'o'], ['x', 'y'], ['only']])
      t.equal(fs.statSync(u.at('d')).ino, ino, 'a directory that has got a part is the same')
      t.equal(code(() => u.text('low')), 'ENOENT')
      u.change(t, 'append:d')
      t.equal(u.text('low'), 'd')
      t.equal(u.text('f'), 'c')
      t.same(u.branches(), ['a=rw', 'c=ro+wh', 'b=ro', 'd=ro'])
      u.end(t)
    })

    t.test('del: what the branch hid and had', async (t) => {
      const u = new Union(t, {
        'a/f': 'a', 'a/.wh.gone': '', 'a/d/y': 'ay', 'a/only': 'a', 'b/f': 'b', 'b/gone': 'b', 'b/d/x': 'bx', 'b/g': 'b',
      }, `dirs=a=rw:b=ro,udba=${udba}`)
      t.equal(u.text('f') + u.text('only') + u.text('d/y') + u.text('d/x'), 'aaaybx')
      t.equal(code(() => u.text('gone')), 'ENOENT')
      const ino = fs.statSync(u.at('g')).ino
      u.change(t, 'prepend:c=rw,del:a')
      t.equal(u.text('f') + u.text('gone') + u.text('d/x'), 'bbbx')
      t.same([code(() => u.text('only')), code(() => u.text('d/y'))], ['ENOENT', 'ENOENT'])
      t.same([u.list(), u.list('d')], [['d', 'f', 'g', 'gone'], ['x']])
      t.equal(fs.statSync(u.at('g')).ino, ino)
      fs.appendFileSync(u.at('g'), '+')
      t.equal(fs.readFileSync(u.box.at('c/g'), 'utf8'), 'b+', 'copied up to the new top')
      t.same(fs.readdirSync(u.box.at('a')).sort(), ['.wh.gone', 'd', 'f', 'only'], 'the old one is left clean')
      t.equal(u.box.exec('getfattr', '-d', '-m', '-', 'a').stdout, '')
      t.equal(u.box.exec('flock', '-n', '-x', 'a', 'true').exit, 0, 'and unlocked')
      u.end(t)
    })

    t.test('open files, mappings and working directories go on', async (t) => {
      const u = new Union(t, {
        'b/f': 'old content', 'b/m': 'mapped', 'b/d/x': 'x', 'b/d/e/y': 'y', 'b/t/z': 'z', 'c/f': 'new', 'c/m': 'new map', 'c/d/e/w': 'w', 'c/t': 'a file',
      }, `dirs=a=rw:b=ro,udba=${udba}`)
      const fd = fs.openSync(u.at('f'), 'r')
      const inside = await u.user('sh', '-c', 'cd mnt/d/e; echo ready; read line; ls; cat y; pwd -P')
      const replaced = await u.user('sh', '-c', 'cd mnt/t; echo ready; read line; ls; echo $?')
      const mapper = await u.mapper('m', 6)
      t.match(u.box.run('remount', '-o', 'prepend:c=ro', 'mnt'), { exit: 0, complaints: [/^the first branch, @\/c, is not rw/] })
      t.equal(u.text('f'), 'new')
      t.equal(fs.readFileSync(fd, 'utf8'), 'old content')
      t.equal(fs.fstatSync(fd).size, 11)
      fs.closeSync(fd)
      t.equal(await mapper.finish(), 'ready\nmapped\n')
      t.equal(u.text('m'), 'new map')
      t.equal(u.text('t'), 'a file')
      t.equal(await inside.finish(), `ready\nw\ny\ny${u.at('d/e')}\n`)
      t.match(await replaced.finish(), /^ready\n\d\n$/, 'a directory that is a file now is empty for who is in it')
      u.change(t, 'del:c')
      t.equal(u.text('f'), 'old content')
      t.same(u.list('t'), ['z'])
      u.end(t)
    })

    t.test('del is refused while something that is only there is in use', async (t) => {
      const u = new Union(t, { 'b/f': 'b', 'b/only/x': 'x', 'b/d/x': 'x', 'c/d/y': 'y' }, `dirs=a=rw:b=ro:c=ro,udba=${udba}`)
      const fd = fs.openSync(u.at('f'), 'r')
      u.refused(t, 'del:b', `branch @/b: EBUSY: /f is in use by process ${process.pid} (node) as open; 'tsaufs busy @/b' shows who`)
      t.match(u.box.run('busy', 'b').stdout, new RegExp(`^ *${process.pid} node +open +/f\n$`))
      t.same(JSON.parse(u.box.run('busy', '--json', 'b').stdout), [{ pid: process.pid, command: 'node', how: 'open', path: '/f' }])
      t.same(u.box.run('busy', 'c'), { exit: 0, stdout: '', complaints: [] }, 'c can go')
      fs.closeSync(fd)

      const dir = fs.opendirSync(u.at('d'))
      u.change(t, 'del:c')
      dir.closeSync()
      const inside = await u.user('sh', '-c', 'cd mnt/only; echo ready; read line')
      u.refused(t, 'del:b', /EBUSY: \/only is in use by process \d+ \(sh\) as working directory/)
      await inside.finish()

      const mapper = await u.mapper('f', 1)
      u.refused(t, 'del:b', /EBUSY: \/f is in use by process \d+ \(python3[^)]*\) as mapped and 2 more/)
      await mapper.finish()
      u.change(t, 'del:b')
      t.same(u.list(), [])
      u.refused(t, 'del:a', 'remount @/mnt: EBUSY: the last branch cannot be deleted; unmount instead')
      u.end(t)
    })

    t.test('mod rw->ro while a file is open for writing: the next write copies up', async (t) => {
      const u = new Union(t, { 'b/f': 'begin,' }, `dirs=a=rw:b=rw,udba=${udba}`)
      const fd = fs.openSync(u.at('f'), 'a')
      fs.writeSync(fd, 'first,')
      t.equal(fs.readFileSync(u.box.at('b/f'), 'utf8'), 'begin,first,')
      u.change(t, 'mod:b=ro')
      fs.writeSync(fd, 'second')
      fs.closeSync(fd)
      t.equal(fs.readFileSync(u.box.at('b/f'), 'utf8'), 'begin,first,')
      t.equal(fs.readFileSync(u.box.at('a/f'), 'utf8'), 'begin,first,second')
      t.equal(u.text('f'), 'begin,first,second')
      t.equal(u.box.exec('getfattr', '-d', '-m', '-', 'b').stdout, '', 'no mark of use is left')
      u.end(t)
    })

    t.test('mod rw->ro without a branch above: EROFS; and back', async (t) => {
      const u = new Union(t, { 'a/f': 'begin,' }, `dirs=a=rw:b=ro,udba=${udba}`)
      const fd = fs.openSync(u.at('f'), 'a')
      fs.writeSync(fd, 'first,')
      t.match(u.box.run('remount', '-o', 'mod:a=ro+wh', 'mnt'), { exit: 0, complaints: [/^the first branch, @\/a, is not rw/] })
      t.equal(code(() => fs.writeSync(fd, 'second')), 'EROFS')
      t.equal(code(() => fs.writeFileSync(u.at('new'), '')), 'EROFS')
      u.change(t, 'mod:a=rw')
      fs.writeSync(fd, 'third')
      fs.closeSync(fd)
      t.equal(fs.readFileSync(u.box.at('a/f'), 'utf8'), 'begin,first,third')
      u.change(t, 'mod:b=rr')
      t.same(u.branches(), ['a=rw', 'b=rr'])
      u.end(t)
    })

    t.test('mod ro->rw locks and repairs', async (t) => {
      const u = new Union(t, { 'b/f': 'b', 'b/.wh.f': '', 'b/.wh..wh.work/t1.1': '' }, `dirs=a=rw:b=ro,udba=${udba}`)
      const { exit, complaints } = u.box.run('remount', '-o', 'mod:b=rw', 'mnt')
      t.equal(exit, 0)
      t.match(complaints.join(), /removed the leftover .*f was there and whited out; kept it/)
      t.equal(u.box.exec('flock', '-n', '-x', 'b', 'true').exit, 1, 'locked')
      fs.appendFileSync(u.at('f'), '!')
      t.equal(fs.readFileSync(u.box.at('b/f'), 'utf8'), 'b!', 'written in place')
      u.end(t)
    })

    t.test('whiteouts are honoured from the moment a branch may have them', async (t) => {
      const u = new Union(t, { 'b/.wh.f': '', 'c/f': 'c', 'c/g': 'c' }, `dirs=a=rw:b=ro:c=ro,udba=${udba}`)
      t.equal(u.text('f'), 'c')
      u.change(t, 'mod:b=ro+wh')
      t.equal(code(() => u.text('f')), 'ENOENT')
      t.same(u.list(), ['g'])
      u.change(t, 'mod:b=ro')
      t.equal(u.text('f'), 'c')
      u.end(t)
    })

    t.test('deleted files that are open, hard links, renamed directories', async (t) => {
      const u = new Union(t, { 'b/f': 'b', 'b/d/x': 'x', 'b/l1': 'l', 'c/d/y': 'y', 'c/e/z': 'z' }, `dirs=a=rw:b=ro,udba=${udba}`)
      fs.linkSync(u.box.at('b/l1'), u.box.at('b/l2'))
      const fd = fs.openSync(u.at('f'), 'r+')
      fs.unlinkSync(u.at('f'))
      fs.renameSync(u.at('d'), u.at('e'))
      fs.appendFileSync(u.at('l1'), '+')
      u.change(t, 'append:c')
      fs.writeSync(fd, 'B')
      t.equal(fs.readFileSync(fd, 'utf8').length, 0)
      fs.closeSync(fd)
      t.same([u.list(), u.list('e')], [['e', 'l1', 'l2'], ['x', 'y']], 'c/d is below b/d, wherever that has gone; c/e is hidden')
      t.same([u.text('l2'), fs.statSync(u.at('l2')).nlink, fs.statSync(u.at('l1')).ino], ['l+', 2, fs.statSync(u.at('l2')).ino])
      u.change(t, 'prepend:d=rw,del:a')
      t.same([u.list(), u.text('l1')], [['d', 'e', 'f', 'l1', 'l2'], 'l'])
      u.end(t)
    })
  })
}

t.test('a file open in io=passthrough keeps its branch as it is', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, { 'a/f': 'a', 'b/g': 'b' }, 'dirs=a=rw:b=ro,io=passthrough,udba=none')
  const fd = fs.openSync(u.at('f'), 'r+')
  u.refused(t, 'prepend:c=rw,mod:a=ro', /EBUSY: \/f is in use by process \d+ \(node\) as open/)
  u.change(t, 'prepend:c=rw')
  fs.writeSync(fd, 'A')
  fs.closeSync(fd)
  t.equal(fs.readFileSync(u.box.at('a/f'), 'utf8'), 'A')
  u.change(t, 'mod:a=ro')
  fs.writeFileSync(u.at('f'), 'c')
  t.equal(fs.readFileSync(u.box.at('c/f'), 'utf8'), 'c')
  t.equal(fs.readFileSync(u.box.at('a/f'), 'utf8'), 'A')
  u.end(t)
})

t.test('options go from left to right, all or none', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, { 'a/x': '', 'b/y': '', 'c/z': '' }, 'dirs=a=rw:b=ro,udba=none')
  u.change(t, 'prepend:c,mod:a=ro,del:a')
  t.same(u.branches(), ['c=rw', 'b=ro'])
  u.change(t, 'del:a,mod:b=ro,append:b,add:0:c=rw')
  u.change(t, 'dirs=c:b:d')
  t.same(u.branches(), ['c=rw', 'b=ro', 'd=ro'], 'dirs as in fstab: what is there stays')
  fs.symlinkSync('d', u.box.at('link'))
  u.change(t, 'del:link')
  u.refused(t, 'append:d,del:c,append:nowhere', 'branch @/nowhere: ENOENT: there is no such directory; create it or correct the path')
  u.refused(t, 'append:c', 'branch @/c: EEXIST: it is a branch already; del it first to move it', 2)
  u.refused(t, 'append:b=rr', 'branch @/b: EEXIST: it is a branch already; change it with mod', 2)
  u.refused(t, 'add:7:d', 'branch @/d: EDOM: there is no place 7; give 0 to 2', 2)
  u.refused(t, 'mod:d=ro', /^branch @\/d: ENOENT: it is no branch of this mount/, 2)
  u.refused(t, 'append:b/..', /^branch @\/b: EINVAL: it overlaps branch @, which it lies in|^branch @: EINVAL|EINVAL/)
  u.refused(t, 'append:mnt', /^branch @\/mnt: EINVAL: it lies in the union itself/)
  u.refused(t, 'append:d,io=passthrough', "option 'io=passthrough': EOPNOTSUPP: the mount began without it, and the kernel will not ask at open; unmount, and mount anew with it", 2)
  u.refused(t, 'append:d=ro+coo_reg', /EOPNOTSUPP: \+coo_reg works only if/, 2)
  u.refused(t, 'appendd:d', "option 'appendd:d': EINVAL: unknown option; did you mean 'append'?", 2)
  u.change(t, 'del:c,prepend:c=rw')
  t.match(u.box.run('remount', '-o', 'del:c,append:c=ro', 'mnt'), { exit: 0, complaints: [/^the first branch, @\/b, is not rw/] })
  t.same(u.branches(), ['b=ro', 'c=ro'], 'moved')
  t.same(u.list(), ['y', 'z'])
  u.end(t)
})

t.test('more than 127 branches are too many', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, {}, 'dirs=a=rw:b=ro,udba=none')
  for (let i = 0; i < 126; i++) fs.mkdirSync(u.box.at(`n${i}`))
  const all = (count: number): string => Array.from({ length: count }, (_, i) => `append:n${i}`).join(',')
  u.refused(t, all(126), /^branch @\/n125: ENOSPC/)
  u.change(t, all(125))
  t.equal(u.branches().length, 127)
  u.end(t)
})

t.test('another mount writes to it', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, {}, 'dirs=a=rw:b=ro,udba=none')
  fs.mkdirSync(u.box.at('other'))
  u.box.run('mount', '-o', 'dirs=c=rw', 'other')
  u.refused(t, 'prepend:c=rw', 'branch @/c: EBUSY: another mount writes to it; unmount that one, or give it as =ro')
  u.box.run('umount', 'other')
  u.change(t, 'prepend:c=rw')
  u.end(t)
})

t.test('the whole mount ro and rw', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, { 'b/f': 'b' }, 'dirs=a=rw:b=ro,udba=none')
  const fd = fs.openSync(u.at('f'), 'a')
  u.refused(t, 'ro', 'remount @/mnt ro: EBUSY: files are open for writing; close them first')
  fs.closeSync(fd)
  u.change(t, 'ro')
  t.equal(code(() => fs.appendFileSync(u.at('f'), '+')), 'EROFS')
  t.match(u.box.mounts()[0], / ro,/)
  u.change(t, 'rw')
  fs.appendFileSync(u.at('f'), '+')
  t.equal(u.text('f'), 'b+')
  u.end(t)
})

t.test('a mount that nothing can be written to gets a writable branch', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, { 'b/f': 'b' }, 'dirs=b=ro,udba=none')
  t.equal(code(() => fs.appendFileSync(u.at('f'), '+')), 'EROFS')
  u.change(t, 'prepend:a')
  fs.appendFileSync(u.at('f'), '+')
  t.equal(fs.readFileSync(u.box.at('a/f'), 'utf8'), 'b+')
  u.end(t)
})

t.test('state files', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, {}, 'dirs=a=rw:b=ro,udba=none')
  u.change(t, 'add:1:c')
  u.change(t, 'del:b')
  const dir = u.box.at('run', u.box.records()[0]!)
  const read = (name: string): string => fs.readFileSync(join(dir, name), 'utf8').replace(`${u.box.path}/`, '').trim()
  t.same(fs.readdirSync(dir).filter((name) => name.startsWith('br')).sort(), ['br0', 'br1', 'brid0', 'brid1'])
  t.same(['br0', 'brid0', 'br1', 'brid1'].map(read), ['a=rw', '0', 'c=ro', '2'], 'an id is not used again')
  t.match(u.box.run('list').stdout, / @?.*\/a=rw:.*\/c=ro\n$/)
  u.end(t)
})

t.test('mount -o remount, by mount(8)', { skip: NEEDS_ROOT }, async (t) => {
  const u = new Union(t, { 'c/z': '' }, 'dirs=a=rw:b=ro,udba=none')
  // In a mount namespace of its own, where the helper can take the place of the one that is called when there is none.
  const script = 'mount --bind dest/sbin/mount.tsaufs /sbin/mount.fuse3 && mount -o remount,append:"$PWD/c" mnt && mount -o remount,mod:"$PWD/c"=rr mnt'
  if (!fs.existsSync('/sbin/mount.fuse3')) return t.comment('no fuse3')
  t.equal(u.box.exec('env', `DESTDIR=${u.box.at('dest')}`, join(REPO, 'scripts/install-mount-helper.sh')).exit, 0)
  t.same(u.box.exec('unshare', '-m', 'sh', '-c', script), { exit: 0, stdout: '', complaints: [] })
  t.same([u.branches(), u.list()], [['a=rw', 'b=ro', 'c=rr'], ['z']])
  u.end(t)
})
