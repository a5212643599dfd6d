/**
 * The warm spare: a process that waits for the next mount. It takes what it can do as well as a new process, nothing else;
 * it is in nobody's way and leaves nothing.
 */
import t, { type Test } from 'tap'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { isGone, NEEDS_ROOT, PROGRAM, REPO, Sandbox, until } from './sandbox.js'

const root = { skip: NEEDS_ROOT }
const START = join(REPO, 'bin', 'tsaufs')
const MOUNT = ['-o', 'dirs=a:b,spare=30', 'mnt']

/** A sandbox whose mounts keep a spare; that one is ended with the test. */
function spareBox(t: Test): Sandbox {
  const box = new Sandbox(t).files({ 'a/x': 'of a', 'b/y': 'of b' })
  t.teardown(() => { for (const pid of box.spares()) process.kill(pid, 'SIGKILL') })
  return box
}

/** Mount, wait for the spare, unmount. @returns the spare's pid */
async function withSpare(t: Test, box: Sandbox): Promise<number> {
  box.mount(t, ...MOUNT)
  t.ok(await until(() => existsSync(box.at('run', '.spare.sock'))), 'a spare waits')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.equal(box.spares().length, 1)
  return box.spares()[0] as number
}

t.test('it takes the next mount, and is replaced', root, async (t) => {
  const box = spareBox(t)
  let spare = await withSpare(t, box)
  t.same(box.run('list'), { exit: 0, stdout: '', complaints: [] }, 'it is no mount')
  for (const program of [[process.execPath, PROGRAM], [START]]) {
    const [command, ...words] = [...program, 'mount', '-v', ...MOUNT] as [string, ...string[]]
    const { exit, complaints } = box.exec(command, ...words)
    t.same([exit, complaints], [0, [`mounted on @/mnt, served by process ${spare}`]])
    t.equal(box.pid(), spare)
    t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
    t.match(readFileSync(`/proc/${spare}/cmdline`, 'latin1'), `tsaufs ${box.at('mnt')}`)
    t.ok(await until(() => existsSync(box.at('run', '.spare.sock'))), 'another one waits')
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.ok(await until(() => isGone(spare)))
    spare = box.spares()[0] as number
  }
})

t.test('it ends by itself', root, async (t) => {
  const box = spareBox(t)
  box.mount(t, '-o', 'dirs=a:b,spare=1', 'mnt')
  t.ok(await until(() => box.spares().length === 1))
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.ok(await until(() => box.remains().length === 0), 'nothing is left of it')
})

t.test('a signal ends it', root, async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const box = spareBox(t)
    process.kill(await withSpare(t, box), signal)
    t.ok(await until(() => box.remains().length === 0), signal)
  }
})

t.test('it is used without being asked for again, but not replaced', root, async (t) => {
  const box = spareBox(t)
  const spare = await withSpare(t, box)
  t.equal(box.mount(t), spare)
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same(box.remains(), [])
})

t.test('TSAUFS_SPARE', root, async (t) => {
  const box = spareBox(t)
  box.env['TSAUFS_SPARE'] = '30'
  box.mount(t, '-o', 'dirs=a:b,spare=0', 'mnt')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same([...box.remains(), ...box.descendants()], [], 'the option wins')
  box.mount(t)
  t.ok(await until(() => existsSync(box.at('run', '.spare.sock'))))
  t.equal(box.run('umount', 'mnt').exit, 0)
  box.env['TSAUFS_SPARE'] = 'long'
  const wrong = 'EINVAL: give a whole number of seconds from 0 to 86400'
  t.same(box.run('mount', '-o', 'dirs=a:b', 'mnt'), { exit: 2, stdout: '', complaints: [`TSAUFS_SPARE=long: ${wrong}`] })
  t.same(box.run('mount', '-o', 'dirs=a:b,spare=x', 'mnt').complaints, [`option 'spare=x': ${wrong}`])
})

t.test('errors through it', root, async (t) => {
  const rows: readonly (readonly [options: string, line: string, exit: number])[] = [
    ['dirs=a:c', 'branch @/c: ENOENT: there is no such directory; create it or correct the path', 32],
    ['dirs=a:b,udab=none', "option 'udab=none': EINVAL: unknown option; did you mean 'udba'?", 2],
  ]
  for (const [options, line, exit] of rows) {
    const box = spareBox(t)
    const spare = await withSpare(t, box)
    t.same(box.run('mount', '-o', options, 'mnt'), { exit, stdout: '', complaints: [line] })
    t.ok(await until(() => isGone(spare)), 'it was the spare that said so')
    t.same(box.remains(), [])
  }
})

/** How the next mount is asked for, where the spare would not be what a new process is. */
const UNFIT: readonly (readonly [how: string, script: string])[] = [
  ['another environment for node', 'NODE_OPTIONS=--no-deprecation $tsaufs mount -o dirs=a:b mnt'],
  ['a trace asked for', 'DEBUG=x $tsaufs mount -o dirs=a:b mnt'],
  ['other limits', 'ulimit -t 9999; $tsaufs mount -o dirs=a:b mnt'],
  ['another priority', 'nice -n 3 $tsaufs mount -o dirs=a:b mnt'],
  ['another oom score', 'echo 300 >/proc/self/oom_score_adj; $tsaufs mount -o dirs=a:b mnt'],
  ['fewer processors', 'taskset -c 0 $tsaufs mount -o dirs=a:b mnt'],
  ['fewer capabilities', 'setpriv --bounding-set -sys_time $tsaufs mount -o dirs=a:b mnt'],
  ['no new privileges', 'setpriv --no-new-privs $tsaufs mount -o dirs=a:b mnt'],
  ['another uts namespace', 'unshare -u $tsaufs mount -o dirs=a:b mnt'],
  ['another network namespace', 'unshare -n $tsaufs mount -o dirs=a:b mnt'],
]

for (const [how, script] of UNFIT) {
  t.test(`not for ${how}`, root, async (t) => {
    const box = spareBox(t)
    const spare = await withSpare(t, box)
    t.same(box.sh(script), { exit: 0, stdout: '', complaints: [] })
    t.not(box.pid(), spare, 'a new process serves')
    t.same(box.spares(), [spare], 'the spare waits on')
    t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
    t.equal(box.run('umount', 'mnt').exit, 0)
  })
}

t.test('not for another mount namespace', root, async (t) => {
  const box = spareBox(t)
  const spare = await withSpare(t, box)
  const script = `$t mount -o dirs=a:b mnt; ls mnt; cat run/si_*/pid; $t umount mnt`
  const { exit, stdout, complaints } = box.exec('unshare', '-m', 'sh', '-ec', `t='${process.execPath} ${PROGRAM}'; ${script}`)
  t.same([exit, complaints], [0, []])
  t.match(stdout, /^x\ny\n\d+\n$/)
  t.notMatch(stdout, `\n${spare}\n`)
})

t.test('a spare that does not answer is passed by', root, async (t) => {
  const box = spareBox(t)
  const stopped = await withSpare(t, box)
  process.kill(stopped, 'SIGSTOP')
  t.not(box.mount(t), stopped)
  process.kill(stopped, 'SIGCONT')
  box.files({ 'c/z': '' })
  mkdirSync(box.at('other'))
  t.same(box.run('mount', '-v', '-o', 'dirs=c', 'other').complaints, [`mounted on @/other, served by process ${stopped}`], 'the next request')
  t.equal(box.mounts().length, 2, 'the one that was given up is over')
  t.equal(box.run('umount', 'mnt', 'other').exit, 0)
  const killed = await withSpare(t, box)
  process.kill(killed, 'SIGKILL')
  t.ok(await until(() => isGone(killed)))
  t.ok(existsSync(box.at('run', '.spare.sock')), 'it leaves its socket')
  t.not(box.mount(t), killed)
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same(box.remains(), [], 'until somebody looks for it')
})

t.test('two mounts at once', root, async (t) => {
  const box = spareBox(t)
  const spare = await withSpare(t, box)
  box.files({ 'c/z': '', 'other/z': '' })
  const { exit, complaints } = box.sh('$tsaufs mount -o dirs=a:b mnt & $tsaufs mount -o dirs=c other; wait $!')
  t.same([exit, complaints], [0, []])
  const pids = box.records().map((name) => Number(readFileSync(box.at('run', name, 'pid'), 'utf8')))
  t.equal(pids.length, 2)
  t.equal(pids.filter((pid) => pid === spare).length, 1, 'one got the spare')
  t.equal(box.run('umount', 'mnt', 'other').exit, 0)
})

t.test('it takes over what belongs to who asks, and keeps nothing of him', root, async (t) => {
  const box = spareBox(t).files({ 'deep/c/z': '' })
  const spare = await withSpare(t, box)
  writeFileSync(box.at('inherited'), '')
  const fds = [7, 8, 9].map(() => openSync(box.at('inherited'), 'r+'))
  const { status } = spawnSync(process.execPath, [PROGRAM, 'mount', '-o', 'dirs=c', '../mnt'], {
    cwd: box.at('deep'), env: { ...box.env, WHATEVER: 'else' }, stdio: ['ignore', 'pipe', 'pipe', ...fds],
  })
  for (const fd of fds) closeSync(fd)
  t.equal(status, 0, 'nobody holds stdout and stderr')
  t.equal(box.pid(), spare)
  t.equal(box.run('branches', 'mnt').stdout, `${box.at('deep', 'c')}=rw\n`, 'relative paths are his')
  const open = readdirSync(`/proc/${spare}/fd`).map((fd) => readlinkSync(`/proc/${spare}/fd/${fd}`))
  t.notOk(open.includes(box.at('inherited')))
  t.notOk(open.some((target) => target.includes('.spare') || target.includes('deleted')), 'nothing of the rehearsal is open')
  t.same([0, 1].map((fd) => readlinkSync(`/proc/${spare}/fd/${fd}`)), ['/dev/null', '/dev/null'])
  t.match(readlinkSync(`/proc/${spare}/fd/2`), /si_[0-9a-f]{16}\/log$/)
  t.equal(readlinkSync(`/proc/${spare}/cwd`), '/')
  t.equal(readFileSync(`/proc/${spare}/stat`, 'latin1').split(') ')[1]?.split(' ')[3], String(spare), 'a session of its own')
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('who may only connect gets nothing', root, async (t) => {
  const box = spareBox(t)
  const spare = await withSpare(t, box)
  const script = `import socket; s = socket.socket(socket.AF_UNIX); s.connect('run/.spare.sock')`
  for (const then of ['', "s.sendall(b'nonsense')", 's.shutdown(1)']) {
    const listen = `try:\n  ${then === '' ? 'pass' : `${then}; print(s.recv(9))`}\nexcept ConnectionError: pass`
    t.match(box.exec('python3', '-c', `${script}\n${listen}`), { exit: 0, stdout: /^(b''\n)?$/ })
  }
  t.equal(box.mount(t), spare, 'it waits on for a request')
  t.equal(box.run('umount', 'mnt').exit, 0)
})
