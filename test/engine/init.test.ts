/** tsaufs-init: namespaces, exit codes, streams and what the monitor writes down. */
import t from 'tap'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NamespaceType, OciConfig } from '../../lib/engine/oci.js'
import { attach, cannotRun, dockerConfig, dockerProcess, makeRoot, start, startExec, startOf } from '../helpers/container.js'

const skip = cannotRun()
const FILES: Record<NamespaceType, string> = { mount: 'mnt', pid: 'pid', network: 'net', ipc: 'ipc', uts: 'uts', user: 'user', cgroup: 'cgroup', time: 'time' }
const ALL = Object.keys(FILES) as NamespaceType[]

function withNamespaces(config: OciConfig, types: NamespaceType[]): OciConfig {
  config.linux.namespaces = types.map(type => ({ type }))
  if (types.includes('user')) {
    config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
  }
  return config
}

t.test('namespaces', { skip }, async t => {
  const root = makeRoot('namespaces')
  t.teardown(root.remove)

  t.test('all eight of its own', async t => {
    const it = start(root.dir, withNamespaces(dockerConfig(root.root, ['sh', '-c', 'echo up; exec sleep 1000']), ALL))
    const pid = await it.pid()
    for (const type of ALL) {
      t.not(readlinkSync(`/proc/${pid}/ns/${FILES[type]}`), readlinkSync(`/proc/self/ns/${FILES[type]}`), `${type} is its own`)
    }
    t.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t100000\t/m, 'its root is nobody here')
    it.send(6, Buffer.of(9))
    await it.done
    t.match(it.exit, { code: 137, signal: 9, oom: false })
  })

  t.test('only a mount namespace, the others are the host\'s', async t => {
    const config = withNamespaces(dockerConfig(root.root, ['sleep', '1000']), ['mount'])
    delete config.hostname
    config.mounts = config.mounts!.filter(each => each.type !== 'mqueue')
    const it = start(root.dir, config)
    const pid = await it.pid()
    for (const type of ALL.filter(each => each !== 'mount')) {
      t.equal(readlinkSync(`/proc/${pid}/ns/${FILES[type]}`), readlinkSync(`/proc/self/ns/${FILES[type]}`), `${type} is the host's`)
    }
    it.send(6, Buffer.of(15))
    await it.done
    t.match(it.exit, { code: 143, signal: 15 })
  })

  t.test('joined by path, and by exec', async t => {
    const first = start(root.dir, dockerConfig(root.root, ['sleep', '1000']))
    const pid = await first.pid()
    const config = dockerConfig(root.root, ['sleep', '1000'])
    const joined: NamespaceType[] = ['pid', 'network', 'ipc', 'uts']
    config.linux.namespaces = [{ type: 'mount' }, ...joined.map(type => ({ type, path: `/proc/${pid}/ns/${FILES[type]}` }))]
    const second = start(join(root.dir, 'second'), config)
    const other = await second.pid()
    for (const type of joined) t.equal(readlinkSync(`/proc/${other}/ns/${FILES[type]}`), readlinkSync(`/proc/${pid}/ns/${FILES[type]}`), `${type} is joined`)
    const exec = startExec(root.dir, pid, dockerProcess(['sh', '-c', 'hostname; ps | wc -l; exec sleep 1000']))
    const third = await exec.pid()
    await exec.until(it => it.stdout.split('\n').length === 3)
    for (const type of ALL) t.equal(readlinkSync(`/proc/${third}/ns/${FILES[type]}`), readlinkSync(`/proc/${pid}/ns/${FILES[type]}`), `exec: ${type} is joined`)
    t.match(exec.stdout, /^box\n/)
    first.send(6, Buffer.of(9))
    await Promise.all([first.done, second.done, exec.done])
    t.match(exec.exit, { code: 137 }, 'all die with process 1')
    t.match(second.exit, { code: 137 })
  })

  t.test('exec on a terminal in a user namespace', async t => {
    const it = start(root.dir, withNamespaces(dockerConfig(root.root, ['sleep', '1000']), ALL))
    const pid = await it.pid()
    const exec = startExec(root.dir, pid, dockerProcess(['sh', '-c', 'tty; id -u; grep ^CapEff /proc/self/status; stty size; exit 5']), { io: { kind: 'tty', stdin: true, rows: 12, columns: 34 } })
    await exec.done
    t.equal(exec.stdout, '/dev/pts/0\r\n0\r\nCapEff:\t00000000a80425fb\r\n12 34\r\n', JSON.stringify(exec.failure ?? ''))
    t.match(exec.exit, { code: 5 })
    t.match((await startExec(root.dir, pid, dockerProcess(['nowhere'])).done).failure, { exit: 127 })
    it.send(6, Buffer.of(9))
    await it.done
    t.match((await startExec(root.dir, pid, dockerProcess(['true']), { target: { pid, start: 1 } }).done).failure, { errno: 'ESRCH' }, 'it is gone')
  })

  t.test('a namespace that is none, and a process number used again', async t => {
    const config = dockerConfig(root.root, ['true'])
    delete config.hostname
    config.linux.namespaces = [{ type: 'mount' }, { type: 'network', path: '/proc/self/ns/uts' }]
    const wrong = await start(root.dir, config).done
    t.match(wrong.failure, { step: -1, errno: 'EINVAL', path: '/proc/self/ns/uts', exit: 125 })
    const stale = await startExec(root.dir, process.pid, dockerProcess(['true']), { target: { pid: process.pid, start: startOf(process.pid) + 1 } }).done
    t.match(stale.failure, { errno: 'ESRCH', exit: 125 })
  })

  t.test('the clocks of a time namespace', async t => {
    const config = withNamespaces(dockerConfig(root.root, ['cat', '/proc/uptime']), ['mount', 'pid', 'uts', 'ipc', 'network', 'time'])
    config.linux.timeOffsets = { boottime: { secs: 1_000_000 } }
    const it = await start(root.dir, config).done
    t.ok(Number(it.stdout.split(' ')[0]) > 1_000_000, it.stdout)
  })
})

t.test('how it ends', { skip }, async t => {
  const root = makeRoot('codes')
  t.teardown(root.remove)
  const run = async (args: string[], extras = {}) => await start(root.dir, dockerConfig(root.root, args), extras).done
  t.match((await run(['sh', '-c', 'exit 42'])).exit, { code: 42, signal: 0, oom: false }, 'its own code')
  t.match((await run(['sh', '-c', 'kill -9 $$; sleep 1000'], { init: true })).exit, { code: 137 }, '128 + n through the small init')
  const missing = await run(['nowhere'])
  t.match(missing.failure, { what: 'execute', path: 'nowhere', errno: 'ENOENT', exit: 127 })
  t.notOk(missing.exit, 'it never ran')
  t.match((await run(['/nowhere'], { init: true })).failure, { exit: 127 })
  t.match((await run(['/etc'])).failure, { errno: 'EACCES', exit: 126 })
  const cwd = dockerConfig(root.root, ['true'])
  cwd.mounts!.push({ destination: '/mnt/x', type: 'bind', source: '/does/not/exist', options: ['bind'] })
  t.match((await start(root.dir, cwd).done).failure, { errno: 'ENOENT', path: '/does/not/exist', exit: 125 }, 'our own failure')
  t.same(readdirSync(join(root.root, 'dev')), [], 'nothing of /dev is in the root')
})

t.test('streams and records', { skip }, async t => {
  const root = makeRoot('streams')
  t.teardown(root.remove)
  const state = join(root.dir, 'state')

  t.test('pipes', async t => {
    const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', 'cat; echo end >&2; printf "\\377part"']), { io: { kind: 'pipes', stdin: true }, log: true })
    await it.pid()
    const monitor = JSON.parse(readFileSync(join(state, 'monitor.json'), 'utf8'))
    t.match(monitor, { monitor: { pid: it.process.pid }, container: { pid: Number }, boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() })
    t.equal(monitor.container.start, startOf(monitor.container.pid))
    it.send(0, 'one "two"\n')
    it.send(4)
    await it.done
    t.equal(it.stdout, 'one "two"\n\xffpart')
    t.equal(it.stderr, 'end\n')
    const lines = readFileSync(join(state, 'log.json'), 'utf8').trim().split('\n').map(line => JSON.parse(line))
    t.same(lines.map(({ log, stream }) => [stream, log]).sort(), [['stderr', 'end\n'], ['stdout', 'one "two"\n'], ['stdout', '\ufffdpart']])
    t.match(lines[0].time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
    t.match(JSON.parse(readFileSync(join(state, 'exit.json'), 'utf8')), { code: 0, signal: 0, oom: false, finishedAt: /Z$/ })
  })

  t.test('a terminal of the container', async t => {
    const script = 'tty; stat -c %t:%T /dev/console; stty size; read line; echo "got $line"; stty size; readlink /proc/self/fd/0'
    const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', script]), { io: { kind: 'tty', stdin: true, rows: 33, columns: 99 } })
    await it.until(each => each.stdout.includes('33 99'))
    it.send(5, Buffer.of(0, 44, 0, 111))
    it.send(0, 'word\n')
    await it.done
    t.match(it.stdout, /^\/dev\/pts\/0\r\n88:0\r\n33 99\r\n/)
    t.match(it.stdout, /got word\r\n44 111\r\n\/dev\/pts\/0\r\n$/)
    t.match(it.exit, { code: 0 })
  })

  t.test('who attaches later, and what breaks the rules', async t => {
    const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', 'cat; exit 3']), { io: { kind: 'pipes', stdin: true } })
    await it.pid()
    const bad = attach(state)
    bad.write(Buffer.from([9, 0, 0, 0, 255, 255, 255, 255, 1, 2, 3]))
    await new Promise(resolve => bad.on('close', resolve).resume())
    const late = attach(state)
    const heard: Buffer[] = []
    late.on('data', part => heard.push(part))
    late.write(Buffer.from([0, 0, 0, 0, 0, 0, 0, 3, 0x61, 0x62, 0x0a]))
    await it.until(each => each.stdout === 'ab\n')
    it.send(4)
    await Promise.all([it.done, new Promise(resolve => late.on('close', resolve))])
    t.match(it.exit, { code: 3 })
    t.match(Buffer.concat(heard).toString(), /ab\n.*"code":3/s)
  })

  t.test('much output, and the go', async t => {
    const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x']), { waitForGo: true, log: true })
    await it.until(each => each.reports.length === 1)
    const created = it.reports[0]!['created'] as number
    t.not(readlinkSync(`/proc/${created}/ns/net`), readlinkSync('/proc/self/ns/net'), 'its network is there to be set up')
    it.go()
    await it.done
    t.equal(it.stdout.length, 3000000)
    t.same(it.reports[1], { pid: created })
  })

  t.test('input of a client that is gone before it is read', async t => {
    const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', 'until [ -e /tmp/go ]; do sleep 0.01; done; wc -c']), { io: { kind: 'pipes', stdin: true }, log: true })
    await it.pid()
    it.send(0, Buffer.alloc(1_000_000, 'z'))
    it.hangUp()
    writeFileSync(join(root.root, 'tmp/go'), '')
    await it.done
    t.match(readFileSync(join(state, 'log.json'), 'utf8'), /"log":"1000000\\n"/)
    t.equal(it.stdout, '1000000\n', 'it has said its last, and still listens')
  })

  t.test('a line without an end, and a client that does not read', async t => {
    const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', 'read go; head -c 5000000 /dev/zero | tr "\\0" y']), { io: { kind: 'pipes', stdin: true }, log: true })
    await it.pid()
    const slow = attach(state)
    await new Promise(resolve => slow.on('connect', resolve).pause())
    it.send(0, 'go\n')
    await it.done
    slow.destroy()
    t.equal(it.stdout.length, 5000000, 'who was there from the start has all of it')
    const lines = readFileSync(join(state, 'log.json'), 'utf8').trim().split('\n').map(line => JSON.parse(line).log as string).filter(line => /^y/.test(line))
    t.equal(lines.join('').length, 5000000)
    t.ok(lines.slice(0, -1).every(line => line.length === 16384), 'in pieces of 16 KiB')
  })

  t.test('the exit command, and a client that does it itself', async t => {
    const exitCommand = ['/bin/sh', '-c', `echo ran >> ${root.dir}/ran`]
    await start(root.dir, dockerConfig(root.root, ['true']), { exitCommand }).done
    t.equal(readFileSync(join(root.dir, 'ran'), 'utf8'), 'ran\n')
    const it = start(root.dir, dockerConfig(root.root, ['cat']), { exitCommand, io: { kind: 'pipes', stdin: true } })
    it.send(7)
    it.send(4)
    await it.done
    t.equal(readFileSync(join(root.dir, 'ran'), 'utf8'), 'ran\n')
  })
})
