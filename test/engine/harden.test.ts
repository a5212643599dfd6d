/** Attacks that need more than one run of a program: exec, terminals, what the launcher leaves on the host, user namespaces. */
import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { killGroup, makeGroup, procsFiles, removeGroup } from '../../lib/engine/cgroup/index.js'
import type { OciConfig } from '../../lib/engine/oci.js'
import { cannotRun, dockerConfig, dockerProcess, initProgram, makeRoot, start, startExec, throughShell } from '../helpers/container.js'
import { askOther, askOtherExec, cannotAsk, OTHERS } from '../helpers/subjects.js'
import { probeProgram } from '../helpers/probe.js'
import { until } from '../cli/sandbox.js'
import { MORE } from './attack-rows/more.js'

const skip = cannotRun()
const hash = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')

t.test('1. a container that writes to every /proc/PID/exe while programs are started in it', { skip }, async t => {
  const root = makeRoot('exe')
  t.teardown(root.remove)
  const before = hash(initProgram)
  const script = 'echo up; while :; do for each in /proc/[0-9]*; do [ "$(readlink $each/exe)" = /bin/busybox ] || dd if=/bin/busybox of=$each/exe bs=64 count=1 conv=notrunc; done; done 2>/dev/null'
  const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', script]), { init: true })
  const pid = await it.pid()
  await it.until(each => each.stdout === 'up\n')
  for (let i = 0; i < 10; i++) t.match((await startExec(root.dir, pid, dockerProcess(['true'])).done).exit, { code: 0 })
  it.send(6, Buffer.of(9))
  it.process.kill('SIGTERM')
  spawnSync('kill', ['-9', String(pid)])
  await it.done
  t.equal(hash(initProgram), before)
})

t.test('4. a working directory that is a descriptor', { skip }, async t => {
  const root = makeRoot('cwd')
  t.teardown(root.remove)
  for (let fd = 3; fd < 20; fd++) {
    const it = await start(root.dir, dockerConfig(root.root, ['pwd'], { cwd: `/proc/self/fd/${fd}` })).done
    t.match(it.failure, { exit: 125 }, `/proc/self/fd/${fd}`)
  }
})

t.test('5. exec with a directory that is a descriptor', { skip }, async t => {
  const root = makeRoot('exec-cwd')
  t.teardown(root.remove)
  symlinkSync('/proc/self/fd/7', join(root.root, 'tmp/link'))
  const it = start(root.dir, dockerConfig(root.root, ['sleep', '1000']))
  const pid = await it.pid()
  for (const cwd of [...Array.from({ length: 12 }, (_, i) => `/proc/self/fd/${i + 3}`), '/tmp/link', '/nowhere']) {
    const exec = await startExec(root.dir, pid, dockerProcess(['pwd'], { cwd })).done
    t.match(exec.failure, { what: 'change the directory', path: cwd, exit: 125 })
  }
  t.match((await startExec(root.dir, pid, dockerProcess(['pwd'], { cwd: '/tmp' })).done).stdout, /^\/tmp\n$/)
  it.send(6, Buffer.of(9))
  await it.done
  const pwd = (cwd: string) => ({ cwd, args: ['pwd'] })
  for (const name of OTHERS) {
    const absent = cannotAsk(name)
    const answers = absent === false ? askOtherExec(name, root.dir, dockerConfig(root.root, ['sleep', '1000']), ['/proc/self/fd/7', '/tmp/link', '/tmp'].map(pwd)) : []
    t.same(answers.map(({ code, out }) => code === 0 ? out : MORE.execDirectory[name]), ['refused', 'refused', '/tmp\n'], name, { skip: absent })
  }
})

t.test('5. exec with a directory that becomes a link to a descriptor meanwhile', { skip }, async t => {
  const root = makeRoot('exec-race')
  t.teardown(root.remove)
  mkdirSync(join(root.dir, 'outside'))
  writeFileSync(join(root.dir, 'outside/secret'), 'secret\n')
  mkdirSync(join(root.root, 'tmp/real'))
  // As fast as a shell can, between a directory and the descriptors of whoever looks.
  const flip = `cd /tmp; for each in 3 4 5 6 7 8 9 10; do ln -s /proc/self/fd/$each l$each; done; echo up
    while :; do for each in 3 4 5 6 7 8 9 10; do mv -T real w; mv -T w real; mv -T l$each w; mv -T w l$each; done; done 2>/dev/null`
  const config = dockerConfig(root.root, ['sh', '-c', flip])
  const args = ['sh', '-c', `cat ${'../'.repeat(12)}${root.dir.slice(1)}/outside/secret 2>/dev/null; echo ran`]
  const it = start(root.dir, config)
  const pid = await it.pid()
  await it.until(each => each.stdout === 'up\n')
  const heard: string[] = []
  for (let i = 0; i < 30; i++) heard.push((await startExec(root.dir, pid, dockerProcess(args, { cwd: '/tmp/w' })).done).stdout)
  it.send(6, Buffer.of(9))
  await it.done
  t.notOk(heard.some(each => each.includes('secret')), MORE.execRace.tsaufs)
  for (const name of OTHERS) {
    const absent = cannotAsk(name)
    const answers = absent === false ? askOtherExec(name, root.dir, config, Array.from({ length: 10 }, () => ({ cwd: '/tmp/w', args }))) : []
    t.notOk(answers.some(({ out }) => out.includes('secret')), `${name}: ${MORE.execRace[name]}`, { skip: absent })
  }
})

t.test('6. nothing of the caller is inherited', { skip }, async t => {
  const root = makeRoot('inherit')
  t.teardown(root.remove)
  const script = 'umask; grep -E "^Sig(Ign|Blk)" /proc/self/status; cat /proc/self/personality; cut -d" " -f19 /proc/self/stat; env; cut -d" " -f1-3 /proc/keys 2>&1 | wc -l'
  const extras = { through: throughShell('trap "" HUP USR1 PIPE; umask 077; exec nice -n 5 setarch -R "$@"', { SECRET: 'of the host' }) }
  const it = await start(root.dir, dockerConfig(root.root, ['sh', '-c', script]), extras).done
  t.match(it.stdout, /^0022\n/, 'umask')
  t.match(it.stdout, /SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n/, 'signals')
  t.match(it.stdout, /\n00000000\n/, 'personality')
  t.match(it.stdout, /\n0\n/, 'nice')
  t.notMatch(it.stdout, /SECRET/, 'environment')
})

t.test('8. mounts stay in the container, and nothing stays of a launcher that is killed', { skip }, async t => {
  const root = makeRoot('propagation')
  t.teardown(root.remove)
  // A host whose mounts are all shared, as systemd makes them.
  const through = throughShell('mount --make-rshared / && exec "$@"', {}, ['unshare', '-m', '--propagation', 'unchanged'])
  const it = start(root.dir, dockerConfig(root.root, ['sleep', '1000']), { waitForGo: true, through })
  await it.until(each => each.reports.length > 0)
  const monitor = it.process.pid!
  const before = readFileSync(`/proc/${monitor}/mountinfo`, 'utf8')
  it.go()
  const pid = await it.pid()
  t.equal(readFileSync(`/proc/${monitor}/mountinfo`, 'utf8'), before)
  t.notMatch(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'), / shared:/)
  it.send(6, Buffer.of(9))
  await it.done

  const killed = start(root.dir, dockerConfig(root.root, ['sleep', '1000']), { waitForGo: true })
  await killed.until(each => each.reports.length > 0)
  const child = killed.reports[0]!['created'] as number
  killed.process.kill('SIGKILL')
  await killed.done
  for (let turn = 0; turn < 1000 && existsSync(`/proc/${child}`); turn++) await new Promise(resolve => setImmediate(resolve))
  const left = existsSync(`/proc/${child}/status`) ? readFileSync(`/proc/${child}/status`, 'utf8') : ''
  t.match(left, /^$|State:\tZ/, 'the half-made container is gone')
  t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), root.dir, MORE.killed.tsaufs)
  for (const name of OTHERS) {
    const absent = cannotAsk(name)
    if (absent === false) await askOther(name, root.dir, dockerConfig(root.root, ['sleep', '1000']), { through: '"$@" >/dev/null 2>&1 & sleep 0.05; kill -9 $!' })
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), root.dir, `${name}: ${MORE.killed[name]}`, { skip: absent })
  }
})

t.test('11. a directory on the way to a mount becomes a link while containers start', { skip }, async t => {
  const root = makeRoot('race')
  t.teardown(root.remove)
  const outside = join(root.dir, 'outside')
  const shared = join(root.dir, 'shared')
  const volume = join(root.dir, 'volume')
  for (const each of [outside, join(shared, 'a'), volume]) mkdirSync(each, { recursive: true })
  symlinkSync(outside, join(shared, 'link'))
  symlinkSync(`../../../../../..${outside}`, join(shared, 'link2'))
  // A launcher may make the directory while it is away: then it is in the way, and goes.
  const flip = `const { renameSync, rmSync } = require('fs')
    const move = (from, to) => { try { renameSync(from, to) } catch { if (to === 'a') try { rmSync('a', { recursive: true, force: true }) } catch {} } }
    for (;;) for (const each of ['real', 'link', 'link2']) { move('a', each); move(['link', 'link2', 'real'][['real', 'link', 'link2'].indexOf(each)], 'a') }`
  const racer = spawn(process.execPath, ['-e', flip], { cwd: shared })
  const over = once(racer, 'exit')
  const outcomes = new Set<string>()
  const config = (): OciConfig => {
    const made = dockerConfig(root.root, ['sh', '-c', 'touch /v/a/b/c/x'])
    made.mounts!.push(
      { destination: '/v', type: 'bind', source: shared, options: ['rbind', 'rprivate'] },
      { destination: '/v/a/b/c', type: 'bind', source: volume, options: ['rbind', 'rprivate'] },
    )
    return made
  }
  for (let i = 0; i < 60; i++) outcomes.add((await start(root.dir, config()).done).failure?.errno ?? 'ran')
  const touched = readdirSync(outside)
  t.same(touched, [], `${MORE.mountRace.tsaufs}: ${[...outcomes].join()}`)
  // What others make outside depends on the moment: told, not demanded.
  for (const name of OTHERS) {
    if (cannotAsk(name) !== false) continue
    for (let i = 0; i < 12; i++) await askOther(name, root.dir, config())
    t.comment(`${name}: ${readdirSync(outside).join() || 'untouched'}`)
    for (const each of readdirSync(outside)) rmSync(join(outside, each), { recursive: true })
  }
  racer.kill('SIGKILL')
  await over
})

t.test('15. procfs that is none', { skip }, async t => {
  const root = makeRoot('fake-proc')
  t.teardown(root.remove)
  mkdirSync(join(root.root, 'proc/sys/net/ipv4'), { recursive: true })
  writeFileSync(join(root.root, 'proc/sys/net/ipv4/ip_forward'), 'fake\n')
  const config = dockerConfig(root.root, ['sleep', '1000'], { oomScoreAdj: 500 })
  config.mounts = config.mounts!.filter(each => each.destination !== '/proc')
  config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
  const it = start(root.dir, config)
  const pid = await it.pid()
  t.equal(spawnSync('nsenter', ['-t', String(pid), '-n', 'cat', '/proc/sys/net/ipv4/ip_forward'], { encoding: 'utf8' }).stdout, '1\n', 'the real one is set')
  t.equal(readFileSync(join(root.root, 'proc/sys/net/ipv4/ip_forward'), 'utf8'), 'fake\n')
  t.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'), '500\n')
  it.send(6, Buffer.of(9))
  await it.done
  for (const key of ['kernel.panic', 'net/../kernel/panic', 'vm.swappiness']) {
    const bad = dockerConfig(root.root, ['true'])
    bad.linux.sysctl = { [key]: '1' }
    t.throws(() => start(root.dir, bad), /sysctl/, key)
  }
})

t.test('17. bind mounts keep what their source forbids', { skip }, async t => {
  const root = makeRoot('bind')
  const volume = join(root.dir, 'volume')
  mkdirSync(join(volume, 'below'), { recursive: true })
  t.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,noexec,nodev', 'tmpfs', volume]).status, 0)
  mkdirSync(join(volume, 'below'))
  t.equal(spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', join(volume, 'below')]).status, 0)
  t.teardown(() => {
    spawnSync('umount', ['-R', volume])
    root.remove()
  })
  const run = async (options: string[], user = false): Promise<string> => {
    const config = dockerConfig(root.root, ['sh', '-c', 'grep " /v" /proc/self/mountinfo | cut -d" " -f5,6; touch /v/x; touch /v/below/x; echo done'])
    config.mounts!.push({ destination: '/v', type: 'bind', source: volume, options })
    if (user) {
      config.linux.namespaces!.push({ type: 'user' })
      config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
    }
    const it = await start(root.dir, config).done
    return it.failure === undefined ? it.stdout + it.stderr : it.failure.errno
  }
  t.match(await run(['rbind', 'rprivate']), /\/v rw,nosuid,nodev,noexec/, 'flags of the source')
  const ro = await run(['rbind', 'rprivate', 'ro'])
  t.match(ro, /\/v ro,nosuid,nodev,noexec,relatime\n\/v\/below rw/)
  t.match(ro, /\/v\/x: Read-only/)
  t.match(await run(['rbind', 'rprivate', 'rro']), /\/v\/below\/x: Read-only/, 'recursively')
  t.match(await run(['rbind', 'rprivate', 'ro'], true), /\/v ro,nosuid,nodev,noexec/, 'in a user namespace, too')
  t.equal(await run(['rbind', 'rprivate', 'suid', 'exec'], true), 'EPERM', 'where they are locked')
})

const devices = '/sys/fs/cgroup/devices'
t.test('18. device nodes of the container\'s own making', { skip: skip || (existsSync(join(devices, 'devices.deny')) ? false : 'no device controller of cgroup v1') }, async t => {
  const root = makeRoot('devices')
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n').find(line => line.split(':')[1] === 'devices')!.split(':')[2]!
  const group = join(devices, own, `tsaufs-test-${process.pid}`)
  mkdirSync(group)
  t.teardown(() => {
    rmdirSync(group)
    root.remove()
  })
  writeFileSync(join(group, 'devices.deny'), 'a')
  for (const rule of ['c *:* m', 'b *:* m', 'c 1:3 rwm', 'c 1:5 rwm', 'c 1:7 rwm', 'c 1:8 rwm', 'c 1:9 rwm', 'c 5:0 rwm', 'c 136:* rwm']) writeFileSync(join(group, 'devices.allow'), rule)
  const script = 'ls /dev | tr "\\n" " "; mknod /tmp/disk b 254 0 && (: < /tmp/disk) 2>&1; mknod /tmp/kmem c 1 2 && (: < /tmp/kmem) 2>&1; : < /dev/zero && echo fine'
  const it = await start(root.dir, dockerConfig(root.root, ['sh', '-c', script]), { cgroupProcs: [join(group, 'cgroup.procs')] }).done
  t.equal(it.stdout.split('\n')[0], 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero sh: can\'t open /tmp/disk: Operation not permitted')
  t.match(it.stdout, /kmem: Operation not permitted\nfine\n$/)
})

t.test('22. users', { skip }, async t => {
  const root = makeRoot('users')
  t.teardown(root.remove)
  const etc = (name: string, text: string): void => writeFileSync(join(root.root, 'etc', name), text)
  etc('passwd', `root:x:0:0::/root:/bin/sh\nhuge:x:7:7:${'h'.repeat(100_000)}:/:\nbig:x:4294967296:1::/:\nminus:x:-1:1::/:\n\nshort\nann:x:1001:1002::/home/ann:/bin/sh\n`)
  etc('group', `root:x:0:\nwheel:x:10:ann,bob\naudio:x:29:bob,ann\nstaff:x:4294967295:\n`)
  const run = async (user: string, groups: string[] = []): Promise<string> => {
    const it = await start(root.dir, dockerConfig(root.root, ['sh', '-c', 'id -u; id -g; id -G; echo $HOME']), { user, groups }).done
    return it.failure === undefined ? it.stdout.replaceAll('\n', '|') : `${it.failure.what}: ${it.failure.errno}`
  }
  t.equal(await run('ann'), '1001|1002|1002 10 29|/home/ann|')
  t.equal(await run('1001:29'), '1001|29|29|/home/ann|')
  t.equal(await run('ann:wheel'), '1001|10|10|/home/ann|')
  t.equal(await run('5000'), '5000|0|0|/|')
  t.equal(await run('ann', ['video', '77']), 'look up the group: ENOENT')
  t.equal(await run('5000:5', ['audio', '77']), '5000|5|5 29 77|/|')
  for (const name of ['big', 'minus', 'huge', 'nobody', '-1', '4294967296', '2147483648', 'short']) t.equal(await run(name), 'look up the user: ENOENT', name)
  t.equal(await run('ann:staff'), 'look up the group: ENOENT')
  rmSync(join(root.root, 'etc/passwd'))
  writeFileSync(join(root.dir, 'passwd'), 'eve:x:0:0::/:\n')
  symlinkSync(`/../../../../..${root.dir}/passwd`, join(root.root, 'etc/passwd'))
  t.equal(await run('eve'), 'look up the user: ENOENT', 'a link to a file of the host leads to nothing')
})

t.test('22. an ordinary user, in a user namespace', { skip }, async t => {
  const root = makeRoot('rootless')
  t.teardown(root.remove)
  chmodSync(root.dir, 0o755)
  spawnSync('chown', ['-R', '65534:65534', root.dir])
  const state = join(root.dir, 'state')
  mkdirSync(state)
  chownSync(state, 65534, 65534)
  const config = dockerConfig(root.root, ['sh', '-c', 'id -u; cat /proc/self/setgroups /proc/self/uid_map; grep ^CapEff /proc/self/status; touch /tmp/mine && stat -c %u /tmp/mine'])
  config.mounts!.find(each => each.destination === '/dev/pts')!.options!.pop()
  config.linux.namespaces!.push({ type: 'user' })
  config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 65534, size: 1 }]
  // Where it was built it need not be for everybody to run.
  copyFileSync(initProgram, join(root.dir, 'init'))
  chmodSync(join(root.dir, 'init'), 0o755)
  const it = await start(root.dir, config, { idMapper: 'self', through: throughShell(`exec ${root.dir}/init monitor`, {}, ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']) }).done
  t.notOk(it.failure, JSON.stringify(it.failure))
  t.match(it.stdout, /^0\ndeny\n +0 +65534 +1\nCapEff:\t00000000a80425fb\n0\n$/)
})

t.test('24. nobody survives the removal', { skip }, async t => {
  const root = makeRoot('removal')
  t.teardown(root.remove)
  const seconds = String(10_000_000 + process.pid)
  const script = `for each in 1 2 3; do setsid sh -c "setsid sleep ${seconds} & exec sleep ${seconds}" & done; echo up; exec sleep ${seconds}`
  const config = dockerConfig(root.root, ['sh', '-c', script])
  config.linux.namespaces = config.linux.namespaces!.filter(({ type }) => type !== 'pid')
  const left = (): number => readdirSync('/proc').filter(name => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1') === `sleep\0${seconds}\0`
    } catch {
      return false
    }
  }).length
  const places = makeGroup({ id: `removal-${process.pid}`, resources: {} }).places
  const it = start(root.dir, config, { cgroupProcs: procsFiles(places) })
  await it.until(each => each.stdout === 'up\n')
  t.ok(await until(() => left() === 7))
  await killGroup(places)
  await it.done
  await removeGroup(places)
  t.equal(left(), 0, MORE.removal.tsaufs)
  for (const name of OTHERS) {
    const absent = cannotAsk(name)
    if (absent === false) askOtherExec(name, root.dir, config, [{ cwd: '/', args: ['sh', '-c', `until [ "$(ps | grep -c "sleep ${seconds}$")" -ge 7 ]; do sleep 0.01; done`] }])
    t.equal(left() === 0 ? 'all gone' : 'some live on', MORE.removal[name], name, { skip: absent })
    spawnSync('pkill', ['-9', '-f', `^sleep ${seconds}$`])
  }
})

t.test('26. ids that lead out of the state', { skip }, async t => {
  const root = makeRoot('ids')
  t.teardown(root.remove)
  for (const name of OTHERS) {
    const absent = cannotAsk(name)
    const answers = absent === false ? await Promise.all(['../../evil', '..', 'a\nb', '/x'].map(id => askOther(name, root.dir, dockerConfig(root.root, ['echo', 'RAN']), { id }))) : []
    t.equal(answers.every(({ out }) => !out.includes('RAN')) ? 'refused' : 'one of them is a path', MORE.ids[name], `${name}: ${JSON.stringify(answers)}`, { skip: absent })
  }
  t.notOk(existsSync(join(root.dir, 'evil')))
})

t.test('27. an abstract socket of the host', { skip }, async t => {
  const root = makeRoot('abstract')
  const name = `tsaufs-test-${process.pid}`
  const server = spawn('python3', ['-c', 'import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind("\\0" + sys.argv[1])\ns.listen()\nprint("up", flush=True)\nsys.stdin.read()', name], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => {
    server.kill()
    root.remove()
  })
  await once(server.stdout, 'data')
  copyFileSync(probeProgram(), join(root.root, 'bin/probe'))
  const config = dockerConfig(root.root, ['probe', 'abstract', name])
  const shared = dockerConfig(root.root, ['probe', 'abstract', name])
  shared.linux.namespaces = shared.linux.namespaces!.filter(({ type }) => type !== 'network')
  t.equal((await start(root.dir, shared).done).stdout, 'reached\n', 'with the host\'s network')
  t.equal((await start(root.dir, config).done).stdout, `${MORE.abstract.tsaufs}\n`)
  for (const other of OTHERS) {
    const absent = cannotAsk(other)
    t.equal(absent === false ? (await askOther(other, root.dir, config)).out : '', `${MORE.abstract[other]}\n`, other, { skip: absent })
  }
})
