/**
 * The program that starts daemons, through `bin/tsaufs`: one start of node, the same words and exit codes as through node.
 */
import t from 'tap'
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isGone, NEEDS_ROOT, REPO, Sandbox, until } from './sandbox.js'

const root = { skip: NEEDS_ROOT }
const START = join(REPO, 'bin', 'tsaufs')
const HELPER = join(REPO, 'bin', 'mount.tsaufs')

/** A `node` in PATH that counts. */
function countingBox(t: ConstructorParameters<typeof Sandbox>[0]): Sandbox {
  const box = new Sandbox(t).files({ 'a/x': '', 'b/y': '', count: '' })
  mkdirSync(box.at('bin'))
  writeFileSync(box.at('bin', 'node'), `#!/bin/sh\necho >>'${box.at('count')}'\nexec '${process.execPath}' "$@"\n`)
  chmodSync(box.at('bin', 'node'), 0o755)
  box.env['PATH'] = `${box.at('bin')}:${box.env['PATH']}`
  delete box.env['TSAUFS_NODE']
  return box
}

/** Command lines that need node once. */
const PLAIN: readonly (readonly string[])[] = [
  [START, 'mount', '-o', 'dirs=a:b', 'mnt'],
  [START, 'mount', '--options', 'dirs=a', '-o', 'append:b', 'none', 'mnt'],
  [HELPER, 'none', 'mnt', '-n', '-o', 'rw,dirs=a:b', '-t', 'tsaufs'],
]

t.test('one start of node', root, async (t) => {
  for (const [command, ...words] of PLAIN as readonly [string, ...string[]][]) {
    const box = countingBox(t)
    t.same(box.exec(command, ...words), { exit: 0, stdout: '', complaints: [] })
    t.equal(box.exec('wc', '-l', 'count').stdout, '1 count\n', words.join(' '))
    t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
    t.equal(box.exec(START, 'umount', 'mnt').exit, 0)
    t.same(box.remains(), [])
  }
})

t.test('as a link in PATH, as npm makes it', root, async (t) => {
  const box = new Sandbox(t).files({ 'a/x': '', 'b/y': '' })
  mkdirSync(box.at('bin'))
  symlinkSync(START, box.at('bin', 'first'))
  symlinkSync('first', box.at('bin', 'tsaufs'))
  box.env['PATH'] = `${box.at('bin')}:${box.env['PATH']}`
  t.equal(box.exec('tsaufs', 'mount', '-o', 'dirs=a:b', 'mnt').exit, 0)
  t.match(box.exec('tsaufs', 'list').stdout, / \/.*\/mnt /)
  t.equal(box.exec('tsaufs', 'umount', 'mnt').exit, 0)
  t.same(box.remains(), [])
})

t.test('what is not plain goes to node, with the same words', async (t) => {
  const box = new Sandbox(t)
  const rows: readonly (readonly [words: readonly string[], line: string])[] = [
    [['mount', '--now', 'mnt'], "mount: EINVAL: unknown option '--now'; see 'tsaufs help mount'"],
    [['mount', '-o', 'dirs=a:b'], "mount: EINVAL: missing required argument 'mountpoint'; see 'tsaufs help mount'"],
    [['mount', '-o'], "mount: EINVAL: option '-o, --options <options>' argument missing; see 'tsaufs help mount'"],
    [['mount', 'none', 'mnt', 'more'], 'mount none mnt more: EINVAL: too many arguments; give [SOURCE] MOUNTPOINT'],
    [['mount', 'mnt'], 'mount mnt: EINVAL: no branches; give them with -o dirs=PATH=rw:PATH=ro'],
    [['moutn'], "EINVAL: unknown command 'moutn' (Did you mean mount?); see 'tsaufs --help'"],
  ]
  for (const [words, line] of rows) t.same(box.exec(START, ...words), { exit: 2, stdout: '', complaints: [line] })
  t.match(box.exec(START, 'mount', '--help').stdout, /spare/)
  t.equal(box.exec(HELPER, 'none', 'mnt', '-x').exit, 2)
})

t.test('compiled code that is not of this bundle, or not whole, is not used', async (t) => {
  const box = new Sandbox(t)
  const copy = dirname(dirname(box.programForUsers(t)))
  const bundle = join(copy, 'dist/lib/cli/main.bundle.cjs')
  const { size, mtimeMs } = statSync(bundle)
  const code = readFileSync(join(REPO, 'dist/lib/cli/main.bundle.cjs.cache'))
  const whole = code.subarray(code.indexOf('\n') + 1)
  const heading = (bytes: number): Buffer => Buffer.from(`${bytes} ${mtimeMs} ${process.version} ${process.arch}\n`)
  const caches = [[heading(size), whole], [heading(size), whole.subarray(0, 9999)], [heading(size)], [heading(size + 1), whole], [Buffer.from('x')]]
  for (const parts of caches) {
    writeFileSync(`${bundle}.cache`, Buffer.concat(parts))
    t.same(box.exec(join(copy, 'bin/tsaufs'), 'list'), { exit: 0, stdout: '', complaints: [] })
  }
  rmSync(`${bundle}.cache`)
  t.equal(box.exec(join(copy, 'bin/tsaufs'), 'list').exit, 0)
})

t.test('no node', async (t) => {
  const box = new Sandbox(t)
  box.env['TSAUFS_NODE'] = box.at('nowhere')
  t.same(box.exec(START, 'mount', '-o', 'dirs=a:b', 'mnt'), {
    exit: 32, stdout: '', complaints: ['@/nowhere: ENOENT: it cannot be run; set TSAUFS_NODE or PATH'],
  })
})

t.test('a daemon that dies without a word', async (t) => {
  const box = new Sandbox(t)
  writeFileSync(box.at('bad'), '#!/bin/sh\nkill -9 $$\n')
  chmodSync(box.at('bad'), 0o755)
  box.env['TSAUFS_NODE'] = box.at('bad')
  t.same(box.exec(START, 'mount', '-o', 'dirs=a:b', 'mnt'), {
    exit: 32, stdout: '', complaints: ['mount mnt: EIO: its process ended without a word (signal 9)'],
  })
})

/** It is the starter itself, not the shell before it, has a daemon, and waits for it: there is nothing else to wait for. */
function listens(pid = 0): boolean {
  const proc = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'latin1')
  return proc('comm') === 'tsaufs-start\n' && proc(`task/${pid}/children`) !== '' && /^\d+ \(.*\) S/.test(proc('stat'))
}

t.test('a killed starter does not take the mount away', root, async (t) => {
  const box = new Sandbox(t).files({ 'a/x': '', 'b/y': '', node: `#!/bin/sh\nread go <gate\nexec '${process.execPath}' "$@"\n` })
  chmodSync(box.at('node'), 0o755)
  t.equal(box.exec('mkfifo', 'gate').exit, 0)
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    box.env['TSAUFS_NODE'] = box.at('node')
    const starter = box.start([START, 'mount', '-o', 'dirs=a:b', 'mnt'])
    delete box.env['TSAUFS_NODE']
    t.ok(await until(() => listens(starter.pid)), 'it has sent its request, and listens')
    starter.kill(signal)
    t.ok(await until(() => isGone(starter.pid as number)))
    t.equal(box.exec('sh', '-c', 'echo >gate').exit, 0)
    t.ok(await until(() => box.mounts().length > 0 && box.records().some((name) => name.startsWith('si_'))), signal)
    t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
    t.equal(box.exec(START, 'umount', 'mnt').exit, 0)
  }
  t.same(box.remains(), [])
})
