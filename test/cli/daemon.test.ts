/**
 * The life of a mount's process: it answers when the command returns, ends in every way one can end it, and leaves nothing.
 */
import t from 'tap'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { createConnection } from 'node:net'
import { once } from 'node:events'
import { isGone, NEEDS_ROOT, PROGRAM, Sandbox, until } from './sandbox.js'

const FILES = { 'a/x': 'of a', 'b/y': 'of b' }
const root = { skip: NEEDS_ROOT }

t.test('the mount answers when the command returns', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  for (let round = 0; round < 5; round++) {
    const { exit, complaints } = box.run('mount', '-o', 'dirs=a:b', 'mnt')
    t.same([exit, complaints], [0, []])
    t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.same(box.remains(), [], 'nothing is left when umount returns')
  }
})

/** Ways to end a mount from outside; each is run in the sandbox. */
const ENDS: readonly (readonly [how: string, script: string])[] = [
  ['tsaufs umount', '$tsaufs umount mnt'],
  ['tsaufs umount with a link in the path', 'ln -s . link; $tsaufs umount link/mnt/'],
  ['tsaufs umount --lazy', '$tsaufs umount --lazy mnt'],
  ['umount(8)', 'umount mnt'],
  ['umount -l', 'umount -l mnt'],
  ['fusermount3 -u', 'fusermount3 -u mnt'],
  ['SIGTERM', 'kill -TERM $(cat run/*/pid)'],
  ['SIGINT', 'kill -INT $(cat run/*/pid)'],
  ['SIGHUP', 'kill -HUP $(cat run/*/pid)'],
  ['a signal twice', 'kill -TERM $(cat run/*/pid); kill -TERM $(cat run/*/pid)'],
]

for (const [how, script] of ENDS) {
  t.test(`${how} ends it`, root, async (t) => {
    const box = new Sandbox(t).files(FILES)
    const pid = box.mount(t)
    const { exit, complaints } = box.sh(script)
    t.same([exit, complaints], [0, []])
    t.ok(await until(() => isGone(pid)), 'the process is gone')
    t.same(box.remains(), [])
    t.same(readdirSync(box.at('a')), ['x'], 'the branch is as it was')
    box.mount(t)
    t.equal(box.run('umount', 'mnt').exit, 0, 'no lock is left')
  })
}

t.test('a busy mount', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  const pid = box.mount(t)
  const user = box.start(['sh', '-c', 'echo in; read line; ls'], box.at('mnt'))
  await once(user.stdout!, 'data')
  const { exit, complaints } = box.run('umount', 'mnt')
  t.same(complaints, ['umount mnt: EBUSY: a process works there (fuser -vm shows which); end it, or use --lazy'])
  t.equal(exit, 1)
  t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n', 'it works on')
  t.equal(box.run('umount', '--lazy', 'mnt').exit, 0)
  t.same(box.mounts(), [])
  t.notOk(isGone(pid), 'served for the one who is in there')
  const said = once(user.stdout!, 'data')
  user.stdin!.end('\n')
  t.equal(String((await said)[0]), 'x\ny\n')
  t.ok(await until(() => isGone(pid)), 'and ends with him')
  t.same(box.remains(), [])
})

t.test('a union mounted in a second place', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  const pid = box.mount(t)
  mkdirSync(box.at('other'))
  t.equal(box.exec('mount', '--bind', 'mnt', 'other').exit, 0)
  t.same(box.run('umount', 'mnt'), {
    exit: 0, stdout: '', complaints: ['umount mnt: the union is still mounted on @/other; its daemon serves on'],
  })
  t.equal(box.exec('cat', 'other/x').stdout, 'of a')
  // A copied mount namespace holds it as well, for as long as a process is in it.
  const holder = box.start(['unshare', '-m', 'sh', '-c', 'echo in; read line'])
  await once(holder.stdout!, 'data')
  const { exit, complaints } = box.run('umount', 'other')
  t.equal(exit, 0)
  t.match(complaints, [new RegExp(`umount other: the union is still mounted on @/.*, in the mount namespace of process ${holder.pid}; `)])
  holder.stdin!.end()
  t.ok(await until(() => isGone(pid)), 'the last place ends it')
  t.same(box.remains(), [])
})

t.test('a signal ends a busy mount too', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  const pid = box.mount(t)
  const user = box.start(['sh', '-c', 'echo data >new; echo in; read line'], box.at('mnt'))
  await once(user.stdout!, 'data')
  process.kill(pid, 'SIGTERM')
  t.ok(await until(() => isGone(pid)))
  t.equal(readFileSync(box.at('a/new'), 'utf8'), 'data\n', 'what was written is on the branch')
  user.stdin!.end('\n')
  await once(user, 'close')
  t.same(box.remains(), [])
})

t.test('kill -9, then mount again', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  const pid = box.mount(t)
  process.kill(pid, 'SIGKILL')
  t.ok(await until(() => isGone(pid)))
  t.equal(box.exec('ls', 'mnt').exit, 2, 'a dead mount is left')
  t.equal(box.records().length, 1, 'and its state directory')
  const { exit, complaints } = box.run('mount', '-o', 'dirs=a:b', 'mnt')
  t.equal(exit, 0)
  t.equal(complaints[0], "mount @/mnt: a killed daemon's mount was left there; detached it")
  t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
  t.equal(box.mounts().length, 1)
  t.equal(box.records().length, 1)
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same(box.remains(), [])
})

t.test('kill -9, then umount or list', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  for (const round of ['list first', 'umount only']) {
    const pid = box.mount(t)
    process.kill(pid, 'SIGKILL')
    t.ok(await until(() => isGone(pid)))
    if (round === 'list first') {
      t.same(box.run('list'), { exit: 0, stdout: '', complaints: [] })
      t.same(box.records(), [], 'list sweeps')
    }
    t.same(box.run('umount', 'mnt'), { exit: 0, stdout: '', complaints: [] }, round)
    t.same(box.remains(), [])
  }
})

t.test('a state directory that was not finished is swept', root, async (t) => {
  const box = new Sandbox(t)
  mkdirSync(box.at('run', '.si_0123456789abcdef.4194305'), { recursive: true })
  mkdirSync(box.at('run', 'something else'), { recursive: true })
  t.equal(box.run('list').exit, 0)
  t.same(box.records(), ['something else'], 'and nothing that is not ours')
})

t.test('the daemon keeps nothing of who started it', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  writeFileSync(box.at('inherited'), '')
  const fds = [7, 8, 9].map(() => openSync(box.at('inherited'), 'r+'))
  const { status } = spawnSync(process.execPath, [PROGRAM, 'mount', '-o', 'dirs=a:b', 'mnt'], {
    cwd: box.path, env: box.env, stdio: ['ignore', 'pipe', 'pipe', ...fds],
  })
  for (const fd of fds) closeSync(fd)
  t.equal(status, 0, 'spawnSync saw the end of stdout and stderr, so nobody holds them')
  const pid = box.pid()
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
  t.notOk(open.includes(box.at('inherited')))
  t.same([0, 1].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)), ['/dev/null', '/dev/null'])
  t.match(readlinkSync(`/proc/${pid}/fd/2`), /si_[0-9a-f]{16}\/log$/)
  t.equal(readlinkSync(`/proc/${pid}/cwd`), '/')
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  t.equal(stat[3], String(pid), 'a session of its own')
  t.match(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /^tsaufs \//)
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('hung up clients of the control socket', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  const pid = box.mount(t)
  const path = box.at('run', box.records()[0] as string, 'control.sock')
  const talk = async (text: string): Promise<string> => {
    const socket = createConnection(path)
    let said = ''
    socket.setEncoding('utf8').on('data', (part: string) => { said += part }).on('error', () => undefined)
    socket.end(text)
    await once(socket, 'close')
    return said
  }
  t.match(JSON.parse(await talk('{"ask":"status"}\n')), { answer: { pid, mountpoint: box.at('mnt'), inFlight: 0 } })
  t.match(JSON.parse(await talk('{"ask":"branches"}\n')), { answer: [{ id: 0, perm: 'rw' }, { id: 1, perm: 'ro' }] })
  box.exec('ls', 'mnt')
  t.ok((JSON.parse(await talk('{"ask":"stats"}\n')) as { answer: Record<string, number> }).answer['GETATTR'], 'requests are counted')
  t.same(JSON.parse(await talk('nonsense\n')), { error: 'EINVAL: not JSON' })
  t.match(JSON.parse(await talk('null\n')), { error: /^EINVAL: ask one of: ([a-z-]+, )+[a-z-]+$/ })
  t.match(JSON.parse(await talk('{"ask":"toString"}\n')), { error: /^EINVAL: ask one of: ([a-z-]+, )+[a-z-]+$/ })
  t.equal(await talk('x'.repeat(100_000)), '', 'a line without end is not waited for')
  const silent = createConnection(path)
  await once(silent, 'connect')
  t.equal(box.run('umount', 'mnt').exit, 0, 'a client that stays does not hold the daemon')
  silent.destroy()
  t.same(box.remains(), [])
})

t.test('in the foreground', root, async (t) => {
  for (const end of ['umount', 'SIGINT'] as const) {
    const box = new Sandbox(t).files(FILES)
    const server = box.start([process.execPath, PROGRAM, 'mount', '-f', '-v', '-o', 'dirs=a:b', 'mnt'])
    const [said] = await once(server.stderr!, 'data') as [Buffer]
    t.equal(String(said), `tsaufs: mounted on ${box.at('mnt')}\n`)
    t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
    t.equal(box.pid(), server.pid)
    if (end === 'umount') t.equal(box.run('umount', 'mnt').exit, 0)
    else server.kill(end)
    t.same(await once(server, 'close'), [0, null], end)
    t.same(box.remains(), [])
  }
})

t.test('DEBUG shows each request in the foreground', root, async (t) => {
  const box = new Sandbox(t).files(FILES)
  box.env['DEBUG'] = 'tsaufs:*'
  const server = box.start([process.execPath, PROGRAM, 'mount', '-f', '-o', 'dirs=a:b', 'mnt'])
  let said = ''
  server.stderr!.on('data', (part: Buffer) => { said += String(part) })
  t.ok(await until(() => box.mounts().length > 0))
  delete box.env['DEBUG']
  box.exec('stat', 'mnt/x')
  t.equal(box.run('umount', 'mnt').exit, 0)
  await once(server, 'close')
  t.match(said, /tsaufs:fuse .*INIT/)
  t.match(said, /tsaufs:fuse .*LOOKUP/)
})

t.test('one union over another at the same place', root, async (t) => {
  const box = new Sandbox(t).files({ ...FILES, 'c/z': '' })
  box.mount(t)
  t.equal(box.run('mount', '-o', 'dirs=c', 'mnt').exit, 0)
  t.equal(box.exec('ls', 'mnt').stdout, 'z\n')
  t.equal(box.run('branches', 'mnt').stdout, `${box.at('c')}=rw\n`, 'the one that is seen')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.equal(box.exec('ls', 'mnt').stdout, 'x\ny\n')
  t.equal(box.run('umount', 'mnt').exit, 0)
  t.same(box.remains(), [])
})
