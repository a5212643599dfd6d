/**
 * The process that waits for the next command about containers: it runs what it can run as a new process would, nothing else.
 * Which process has run a command is seen by who is left: it waits for one command only.
 */
import t, { type Test } from 'tap'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { isGone, NEEDS_ROOT, PROGRAM, REPO, Sandbox, until } from './sandbox.js'

const root = { skip: NEEDS_ROOT }
const START = join(REPO, 'bin', 'tsaufs')
const HEADING = /^CONTAINER ID .*NAMES\n$/

/** A sandbox with a state root, in which commands have somebody wait for the next; he is ended with the test. */
function warmBox(t: Test): Sandbox {
  const box = new Sandbox(t)
  box.env['TSAUFS_ROOT'] = box.at('state')
  delete box.env['TSAUFS_SPARE']
  t.teardown(() => { for (const pid of [...box.waiting(), ...box.descendants()]) kill(pid) })
  return box
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was over already.
  }
}

/** Run a command, and wait for who waits for the next. @returns his pid */
async function withWarm(t: Test, box: Sandbox): Promise<number> {
  t.match(box.exec(START, 'ps'), { exit: 0, stdout: HEADING, complaints: [] })
  t.ok(await until(() => existsSync(box.at('run/.warm/sock'))), 'somebody waits')
  t.equal(box.waiting().length, 1)
  return box.waiting()[0] as number
}

/** A command that has been taken over by `pid`. */
async function served(t: Test, box: Sandbox, pid: number, ...words: string[]): Promise<ChildProcess> {
  const child = box.start([START, ...words])
  t.ok(await until(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`tsaufs ${words[0]}`)), 'it shows what it runs')
  return child
}

t.test('it runs the next command, and is replaced', root, async (t) => {
  const box = warmBox(t)
  let pid = await withWarm(t, box)
  for (const [words, outcome] of [
    [['ps', '-q'], { exit: 0, stdout: '', complaints: [] }],
    [['--root', 'elsewhere', 'rm', 'none'], { exit: 1, stdout: '', complaints: ["rm none: ENOENT: No such container: none; 'tsaufs ps -a' shows them"] }],
    [['run', '--nonsense'], { exit: 125, stdout: '', complaints: ["run: EINVAL: unknown option '--nonsense'; see 'tsaufs help run'"] }],
  ] as const) {
    t.same(box.exec(START, ...words), outcome)
    t.ok(await until(() => isGone(pid)), 'it was the one that waited')
    t.ok(await until(() => existsSync(box.at('run/.warm/sock'))), 'another one waits')
    pid = box.waiting()[0] as number
  }
})

t.test('it ends by itself, or by a signal', root, async (t) => {
  const box = warmBox(t)
  box.env['TSAUFS_SPARE'] = '1'
  t.equal(box.exec(START, 'ps').exit, 0)
  t.ok(await until(() => existsSync(box.at('run/.warm/sock'))))
  t.ok(await until(() => box.remains().length === 0), 'nothing is left of it')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const other = warmBox(t)
    process.kill(await withWarm(t, other), signal)
    t.ok(await until(() => other.remains().length === 0), signal)
  }
})

/** How the next command is typed, where who waits would not be what a new process is. */
const UNFIT: readonly (readonly [how: string, script: string])[] = [
  ['who wants none', 'TSAUFS_SPARE=0 $tsaufs ps'],
  ['another environment for node', 'NODE_OPTIONS=--no-deprecation $tsaufs ps'],
  ['another language', 'LC_ALL=C.UTF-8 $tsaufs ps'],
  ['other limits', 'ulimit -t 9999; $tsaufs ps'],
  ['another priority', 'nice -n 3 $tsaufs ps'],
  ['another oom score', 'echo 300 >/proc/self/oom_score_adj; $tsaufs ps'],
  ['fewer processors', 'taskset -c 0 $tsaufs ps'],
  ['fewer capabilities', 'setpriv --bounding-set -sys_time $tsaufs ps'],
  ['no new privileges', 'setpriv --no-new-privs $tsaufs ps'],
  ['another network namespace', 'unshare -n $tsaufs ps'],
  ['another mount namespace', 'unshare -m $tsaufs ps'],
  ['a path that leads elsewhere there', '$tsaufs --root=/dev/fd/../fd/9 ps 9<.'],
  ['a directory that has gone', 'mkdir gone; cd gone; rmdir ../gone; $tsaufs ps'],
]

t.test('not for', root, async (t) => {
  const box = warmBox(t)
  const pid = await withWarm(t, box)
  for (const [how, script] of UNFIT) {
    t.match(box.exec('/bin/sh', '-c', `tsaufs=${START}; ${script}`), { exit: 0, stdout: HEADING, complaints: [] }, how)
    t.same(box.waiting(), [pid], 'it waits on')
  }
})

t.test('not when the program is another one now', root, async (t) => {
  const box = warmBox(t)
  const pid = await withWarm(t, box)
  const copy = join(dirname(box.programForUsers(t)), 'tsaufs')
  t.match(box.exec(copy, 'ps'), { exit: 0, stdout: HEADING, complaints: [] })
  t.ok(await until(() => isGone(pid)), 'it is of no use any more')
  t.notOk(existsSync(box.at('run/.warm/sock')))
})

t.test('directory, umask, environment and descriptors are those of who asks', root, async (t) => {
  const box = warmBox(t).files({ 'd/x': '', 'd/f/g': '' })
  const scripts = [
    'cd d; umask 027; WHO=him exec $tsaufs create -e WHO --name aa --cidfile id --rootfs f true >../out',
    'exec $tsaufs inspect --format "{{json .Config.Env}}" aa >>out 2>&1',
    'exec $tsaufs ps -a >&- 2>&-',
    'exec $tsaufs ps -a --format "{{.Names}}" <&- >>out',
    '$tsaufs ps -a --format "{{.Names}}" | cat >>out',
    'echo "X=<&0" | $tsaufs rm none 2>>out',
  ]
  for (const script of scripts) {
    const pid = await withWarm(t, box)
    box.exec('/bin/sh', '-c', `tsaufs=${START}; ${script}`)
    t.ok(await until(() => isGone(pid)), script)
  }
  const [id, env, ...more] = readFileSync(box.at('out'), 'latin1').split('\n')
  t.equal(id, readFileSync(box.at('d/id'), 'latin1'))
  t.equal(statSync(box.at('d/id')).mode & 0o777, 0o640)
  t.match(env, /WHO=him/)
  t.same(more, ['aa', 'aa', "tsaufs: rm none: ENOENT: No such container: none; 'tsaufs ps -a' shows them", ''])
})

t.test('signals, and ends of both', root, async (t) => {
  const box = warmBox(t)
  const ends: readonly (readonly [what: string, signal: NodeJS.Signals, toClient: boolean, code: number | null])[] = [
    ['a signal is passed on, and is what ends both', 'SIGTERM', true, null],
    ['a client that is killed takes who works for it along', 'SIGKILL', true, null],
    ['who works is killed', 'SIGKILL', false, 1],
  ]
  for (const [what, signal, toClient, exit] of ends) {
    const pid = await withWarm(t, box)
    const child = await served(t, box, pid, 'events')
    let said = ''
    child.stderr?.on('data', (text: Buffer) => { said += text.toString() })
    process.kill(toClient ? child.pid! : pid, signal)
    const [code, by] = await once(child, 'close') as [number | null, NodeJS.Signals | null]
    t.same([code, by], [exit, exit === null ? signal : null], what)
    t.equal(said, exit === null ? '' : 'tsaufs: events: EIO: the process that ran it ended without a word\n')
    t.ok(await until(() => isGone(pid)))
  }
})

t.test('a client that is killed while nobody reads what is written', root, async (t) => {
  const box = warmBox(t)
  const pid = await withWarm(t, box)
  const child = await served(t, box, pid, 'events', '--since', '1')
  const state = (): string => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? ''
  process.kill(pid, 'SIGSTOP')
  t.ok(await until(() => state() === 'T'))
  child.kill('SIGKILL')
  t.ok(await until(() => isGone(pid)), 'its end does not depend on what it is doing')
})

t.test('job control at a terminal', root, async (t) => {
  const box = warmBox(t)
  t.equal(box.exec(START, 'create', '--name', 'aa', '--rootfs', 'a', 'true').exit, 0)
  const pid = await withWarm(t, box)
  const become = (state: string): string => `until grep -q "^State:.${state}" /proc/${pid}/status; do :; done; echo it is '' ${state}`
  const steps = [
    ['# ', `${START} events --since 1\n`], ['name=aa', '\x1a'], ['Stopped', `${become('T')}\n`], ['it is  T', `bg; ${become('S')}\n`],
    ['it is  S', 'kill -INT %1; wait %1; echo it was \'\' $?\n'], ['it was  130', 'exit\n'],
  ]
  const helper = join(dirname(PROGRAM), '../test/engine/in-terminal.py')
  const { status, stdout } = spawnSync('python3', [helper, JSON.stringify(steps), 'bash', '--norc', '-i'], {
    cwd: box.path, env: { ...box.env, PS1: '# ' }, encoding: 'latin1', timeout: 60_000,
  })
  t.equal(status, 0, stdout)
  t.ok(await until(() => isGone(pid)))
})

t.test('who may only connect gets nothing', root, async (t) => {
  const box = warmBox(t)
  const pid = await withWarm(t, box)
  const script = `import socket, array; s = socket.socket(socket.AF_UNIX); s.connect('run/.warm/sock')`
  const fd = (n: number): string => `s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * ${n}))])`
  for (const then of ['', "s.sendall(b'nonsense')", 's.shutdown(1)', fd(1), `${fd(1)}; s.shutdown(1)`, `${fd(1)}; ${fd(1)}; ${fd(1)}; s.shutdown(1)`]) {
    const listen = `try:\n  ${then === '' ? 'pass' : `${then}; print(s.recv(9))`}\nexcept ConnectionError: pass`
    t.match(box.exec('python3', '-c', `${script}\n${listen}`), { exit: 0, stdout: /^(b''\n)?$/ })
  }
  t.equal(spawnSync('sh', ['-c', `readlink /proc/${pid}/fd/[012]`], { encoding: 'latin1' }).stdout, '/dev/null\n/dev/null\n/dev/null\n', 'and leaves nothing')
  t.equal(box.exec(START, 'ps').exit, 0)
  t.ok(await until(() => isGone(pid)), 'it waited on for a command')
})
