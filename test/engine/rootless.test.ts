/** Containers of an ordinary user with subordinate ids: what root's do, and what he cannot have. */
import t from 'tap'
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { REPO } from '../cli/sandbox.js'
import { openToUsers } from '../helpers/fuse-device.js'
import { unavailable } from '../rootless/ordinary-user.js'
import { readHierarchies } from '../../lib/engine/cgroup/hierarchies.js'
import { finished, type Done } from './life-bed.js'
import { CANNOT_RUN, RootlessBed } from './rootless-bed.js'

const skip = CANNOT_RUN || unavailable()
const TERMINAL = join(REPO, 'test/engine/in-terminal.py')
const bed = skip === false ? new RootlessBed() : undefined!
t.teardown(() => bed?.end())

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !what(); i++) await sleep(10)
}

t.test('programs: the same rows as for root', { skip }, async t => {
  const rows: readonly (readonly [script: string, expected: RegExp | string, ...flags: string[]])[] = [
    ['id; exit 3', 'uid=0(root) gid=0(root) groups=10(wheel)\n'],
    ['id; echo $HOME', 'uid=1000(bob) gid=1000(bob) groups=1001(extra)\n/home/bob\n', '--user', 'bob'],
    ['pwd; echo $A; hostname', '/data\nb\nhh\n', '-w', '/data', '-e', 'A=b', '--hostname', 'hh'],
    ['touch /x || touch /t/x && df /t | tail -1', /^tmpfs +1024 /, '--read-only', '--tmpfs', '/t:size=1m'],
    ['echo $$; ps -o args | sed -n 2p', /^2\ninit\n$/, '--init'],
    ['grep -E "^(CapEff|NoNew|Seccomp:)" /proc/self/status', 'CapEff:\t00000000a00425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n'],
    ['grep CapEff /proc/self/status; mount -t tmpfs x /tmp && echo mounted', /^CapEff:\t0[0-9a-f]+f\nmounted\n$/, '--privileged'],
    ['mknod /dev/fuse c 10 229; test -e /dev/fuse; echo $?; unshare -U true; echo $?', '1\n1\n'],
    ['ulimit -n; cat /proc/sys/net/ipv4/ip_forward', '100\n1\n', '--ulimit', 'nofile=100', '--sysctl', 'net.ipv4.ip_forward=1'],
    ['ls /sys/class/net', 'lo\n'],
    ['test $(ls /sys/class/net | wc -l) -ge 1; touch /sys/kernel/x || mkdir /sys/fs/cgroup/x || echo $?', '1\n', '--network', 'host'],
    ['cat /etc/passwd >/v/copy; chown 1000:1000 /v/copy; stat -c %u:%g /v/copy', '1000:1000\n', '-v', './vol:/v'],
    ['touch /v/x; ls /v', 'copy\n', '-v', './vol:/v:ro'],
    ['ps -o args | grep -c tsaufs', /^[1-9]/, '--pid', 'host'],
    ['mount | grep -c /dev/shm', '1\n', '--ipc', 'host'],
  ]
  for (const [script, expected, ...flags] of rows) {
    const { out, err } = bed.sh(script, ...flags)
    t.match(out, typeof expected === 'string' ? new RegExp(`^${expected.replace(/[$()+?.]/g, '\\$&')}$`) : expected, `${flags.join(' ')} ${script}: ${err}`)
  }
  t.equal(bed.sh('exit 3').exit, 3)
  t.equal(bed.sh('kill -9 $$', '--init').exit, 137)
  t.match(bed.run(['run', '--rm', '--network', 'none', '--rootfs', 'R', 'nowhere']), { exit: 127, err: /not found/ })
  t.match(bed.run(['run', '--rm', '--network', 'none', '--rootfs', 'R', '/etc/passwd']), { exit: 126 })
  t.equal(bed.run(['run', '-i', '--rm', '--network', 'none', '--rootfs', 'R', 'cat'], 'from here\n').out, 'from here\n')
  t.equal(statSync(join(bed.user.home, 'vol/copy')).uid, bed.first + 999, 'a volume has the owner of the user namespace')
  t.same(await bed.remains(), [])
})

t.test('the life of one', { skip }, async t => {
  const id = bed.detached('life', 'echo up; trap "exit 7" USR1; while :; do sleep 0.05; done')
  t.match(bed.run(['ps']).out, /life/)
  t.equal(bed.run(['logs', 'life']).out, 'up\n')
  t.equal(bed.run(['exec', '--user', 'bob', 'life', 'id', '-u']).out, '1000\n')
  t.equal(bed.run(['exec', 'life', 'sh', '-c', 'cat /data/of-five; echo more >>/data/of-five; echo new >/data/new; chown 7:8 /data/new; rm /data/file']).out, 'of five\n')
  t.equal(bed.run(['diff', 'life']).out, 'C /data\nD /data/file\nA /data/new\nC /data/of-five\n')
  const rw = join(bed.root, 'containers', id, 'rw/data')
  t.same(['of-five', 'new'].map(name => statSync(join(rw, name)).uid - bed.first), [4, 6], 'owners on the branch are his subordinate ids')
  t.match(bed.run(['top', 'life']).out, /root.*sh -c echo up/)
  t.match(bed.run(['stats', '--no-stream', 'life']), { exit: 0, out: /life/, err: /^$|there is no cgroup/ })
  writeFileSync(join(bed.user.home, 'in'), 'in\n')
  t.equal(bed.run(['cp', 'in', 'life:/data/in']).exit, 0)
  t.equal(bed.run(['cp', 'life:/data/of-five', 'out']).exit, 0)
  t.equal(readFileSync(join(bed.user.home, 'out'), 'utf8'), 'of five\nmore\n')
  t.equal(statSync(join(bed.user.home, 'out')).uid, bed.user.uid)
  t.equal(bed.run(['kill', '-s', 'USR1', 'life']).exit, 0)
  t.equal(bed.run(['wait', 'life']).out, '7\n')
  t.match(bed.run(['start', 'life']), { exit: 0, out: 'life\n' })
  t.equal(bed.run(['exec', 'life', 'cat', '/data/in']).out, 'in\n', 'what was written is there again')
  t.match(bed.run(['stop', '-t', '0', 'life']), { exit: 0 })
  t.equal(bed.inspect('life', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137')
  t.match(bed.run(['system', 'check']), { exit: 0, out: '', err: '' })
  t.match(bed.run(['events', '--since', '5m', '--until', '0s', '--format', '{{.Action}}']).out, /^create\nstart\n(.*\n)*die\n/)
  t.match(bed.run(['rm', 'life']), { exit: 0, err: '' }, 'with all that belongs to his subordinate ids')
  t.same(await bed.remains(), [])
})

t.test('a terminal, a policy, a shared network', { skip }, async t => {
  const shell = bed.inTerminal(TERMINAL, ['run', '--rm', '-it', '--network', 'none', '--rootfs', 'R', 'sh'],
    ['# ', 'stty size; tty\n'], ['pts', 'exit 5\n'])
  t.equal(shell.exit, 5, shell.out)
  t.match(shell.out, /33 99\r\n\/dev\/pts\/0\r\n/)

  bed.detached('again', 'echo run >>/runs; test $(wc -l </runs) -gt 2', '--restart', 'on-failure:5')
  await until(() => bed.inspect('again', '{{.State.Status}} {{.State.ExitCode}}') === 'exited 0')
  t.equal(bed.inspect('again', '{{.RestartCount}}'), '2')

  bed.detached('first', 'httpd -p 127.0.0.1:80 -h /data; sleep 1000')
  t.equal(bed.sh('wget -qO- http://127.0.0.1/file', '--network', 'container:first').out, 'of the layer\n')
  t.match(bed.sh('ps -o args', '--pid', 'container:first').out, /httpd/)
  t.equal(bed.run(['rm', '-f', 'again', 'first']).exit, 0)
  t.same(await bed.remains(), [])
})

t.test('slirp4netns and a published port', { skip: skip || (existsSync('/dev/net/tun') ? false : 'ENOENT: slirp4netns needs /dev/net/tun') }, async t => {
  t.teardown(openToUsers('/dev/net/tun'))
  const { exit, err } = bed.run(['run', '-d', '--name', 'web', '-p', '127.0.0.1::80', '--rootfs', 'R', 'httpd', '-f', '-p', '80', '-h', '/data'])
  t.equal(exit, 0, err)
  const [, port] = /:(\d+)$/.exec(bed.run(['port', 'web', '80']).out.trim()) ?? []
  let body = ''
  for (let i = 0; i < 100 && body === ''; i++) {
    body = await fetch(`http://127.0.0.1:${port}/file`).then(answer => answer.text(), () => '')
    if (body === '') await sleep(50)
  }
  t.equal(body, 'of the layer\n')
  t.equal(bed.run(['rm', '-f', 'web']).exit, 0)
  t.same(await bed.remains(), [], 'slirp4netns has ended as well')
})

t.test('what cannot be had is refused with the reason, and nothing is left', { skip }, async t => {
  const rows: readonly (readonly [flags: readonly string[], reason: RegExp])[] = [
    [['--network', 'bridge'], /^tsaufs: --network bridge: EPERM: only root can make a bridge/],
    [['-m', '64m'], /^tsaufs: --memory 67108864: E[A-Z]+: .*ordinary user/],
    [['--pids-limit', '5'], /^tsaufs: --pids-limit 5: E[A-Z]+: .*ordinary user/],
    [['--oom-score-adj', '-500'], /EACCES: set the OOM score -500/],
    [['--device-cgroup-rule', 'c 1:3 rwm'], /^tsaufs: --device-cgroup-rule .*: EPERM: /],
    [['-v', '/proc/1/root/etc:/v'], /^tsaufs: .*EACCES/],
  ]
  // A machine where cgroups were given to him has what he asks for.
  const given = bed.run(['run', '--rm', '--network', 'none', '--pids-limit', '50', '--rootfs', 'R', 'true']).exit === 0
  for (const [flags, reason] of rows) {
    if (given && /memory|pids/.test(flags[0]!)) continue
    const { exit, err } = bed.run(['run', '--rm', '--network', 'none', ...flags, '--rootfs', 'R', 'true'])
    t.equal(exit, 125, flags.join(' '))
    t.match(err, reason)
    t.equal(err.trimEnd().split('\n').length, 1, `one line: ${err}`)
  }
  t.same(await bed.remains(), [])
})

const given = (skip === false ? readHierarchies().v1 : []).filter(({ controllers }) => controllers.some(each => ['memory', 'pids', 'freezer'].includes(each)))
  .map(({ own }) => join(own, 'tsaufs-test-given'))

t.test('limits, in groups that were given to him', { skip: skip || (given.length === 3 ? false : 'no freezer controller of cgroup v1') }, async t => {
  for (const dir of given) {
    mkdirSync(dir)
    t.teardown(() => (existsSync(dir) ? removeGroups(dir) : undefined))
    for (const name of ['', ...readdirSync(dir)]) chownSync(join(dir, name), bed.user.uid, bed.user.gid)
  }
  const run = (...words: string[]): Done => bed.runAfter(given.map(dir => `echo $$ >${dir}/cgroup.procs`).join('; '), words)
  const box = ['--network', 'none', '--rootfs', 'R', 'sh', '-c']
  t.match(run('run', '--name', 'eater', '-m', '24m', ...box, 'tail /dev/zero'), { exit: 137, err: '' })
  t.equal(bed.inspect('eater', '{{.State.OOMKilled}}'), 'true')
  t.match(run('run', '--rm', '--pids-limit', '4', ...box, 'for i in 1 2 3 4 5 6; do sleep 0.1 & done; wait').err, /can't fork/)
  t.equal(run('run', '-d', '--name', 'still', ...box, 'sleep 1000').exit, 0)
  t.equal(run('pause', 'still').exit, 0)
  t.equal(bed.inspect('still', '{{.State.Status}}'), 'paused')
  t.match(run('stats', '--no-stream', '--format', '{{.PIDs}}').out, /^1\n$/)
  t.equal(run('unpause', 'still').exit, 0)
  t.match(run('update', '-m', '64m', 'still'), { exit: 0, err: '' })
  t.equal(bed.run(['rm', '-f', 'still', 'eater']).exit, 0)
  t.same(await bed.remains(), [])
  for (const dir of given) t.doesNotThrow(() => removeGroups(dir), `nothing is left in ${dir}`)
})

/** A group and our level in it, both empty. */
function removeGroups(dir: string): void {
  if (existsSync(join(dir, 'tsaufs'))) rmdirSync(join(dir, 'tsaufs'))
  rmdirSync(dir)
}

t.test('crashes: the daemon, the monitor, the keeper of the namespaces', { skip }, async t => {
  const id = bed.detached('crash', 'sleep 1000')
  const daemon = bed.processes(`tsaufs ${join(bed.root, 'containers', id)}`)
  t.equal(daemon.length, 1, 'one daemon')
  process.kill(daemon[0]!, 'SIGKILL')
  await until(() => !bed.user.processes().includes(daemon[0]!))
  t.not(bed.run(['exec', 'crash', 'ls', '/']).exit, 0)
  t.match(bed.run(['restart', '-t', '0', 'crash']), { exit: 0 })
  t.equal(bed.run(['exec', 'crash', 'cat', '/data/file']).out, 'of the layer\n')

  process.kill(Number(bed.monitorPid('crash')), 'SIGKILL')
  await until(() => /Dead/.test(bed.run(['ps', '-a']).out))
  t.match(bed.run(['system', 'check']).out, /container crash: /)
  t.match(bed.run(['start', 'crash']), { exit: 0 })

  const [keeper] = bed.processes('tsaufs-userns')
  process.kill(keeper!, 'SIGKILL')
  await until(() => !bed.user.processes().includes(keeper!))
  t.equal(bed.run(['exec', 'crash', 'cat', '/data/file']).out, 'of the layer\n', 'it runs on, and can be entered')
  t.match(bed.run(['stop', '-t', '0', 'crash']), { exit: 0, err: '' })
  t.match(bed.run(['start', 'crash']), { exit: 0, err: '' }, 'another has taken its place')
  t.match(bed.run(['rm', '-f', 'crash']), { exit: 0 })
  t.same(await bed.remains(), [])
})

t.test('attacks', { skip }, async t => {
  const secret = join(bed.user.home, 'secret')
  writeFileSync(secret, 'secret\n', { mode: 0o600 })
  await finished(bed.start(['exec', 'nobody', 'true']))
  const id = bed.detached('evil', 'sleep 1000', '--pid', 'host')
  const [daemon] = bed.processes(`tsaufs ${join(bed.root, 'containers', id)}`)
  const [keeper] = bed.processes('tsaufs-userns')
  for (const [name, pid] of [['daemon', daemon], ['keeper', keeper], ['monitor', bed.monitorPid('evil')]] as const) {
    const script = `cat /proc/${pid}/root${secret} || ls /proc/${pid}/cwd/ || readlink /proc/${pid}/fd/0 || cat /proc/${pid}/environ || readlink /proc/${pid}/ns/mnt || echo kept`
    t.equal(bed.run(['exec', 'evil', 'sh', '-c', script]).out, 'kept\n', `nothing is to be had of the ${name}, even where it is seen`)
  }
  t.equal(bed.run(['rm', '-f', 'evil']).exit, 0)

  bed.detached('own', 'sleep 1000')
  const script = `kill -9 -1; ls /proc | grep -c '^[0-9]'; cat ${secret}; for each in /proc/[0-9]*; do cat $each/root${secret}; done; ls /dev/fuse; mount -t tmpfs x /tmp; nsenter -t 1 -m true; chroot /proc/1/root ls ${secret}`
  t.match(bed.run(['exec', 'own', 'sh', '-c', script]).out, /^[34]\n$/, 'by itself it sees its own processes only')
  t.equal(bed.run(['exec', 'own', 'cat', '/data/file']).out, 'of the layer\n', 'its root is still served')
  t.equal(bed.run(['rm', '-f', 'own']).exit, 0)
  const loud = bed.sh(`cat /proc/*/root${secret}; nsenter -t 1 -m cat ${secret}; mknod /tmp/d b 254 0; mount -t devtmpfs d /tmp; mount -t fusectl f /tmp; mount -t cgroup -o cpu c /tmp; ls /tmp`, '--privileged')
  t.equal(loud.out, '', 'nor with all capabilities')
  t.same(await bed.remains(), [])
})

t.test('two users, one without subordinate ids', { skip }, async t => {
  const other = new RootlessBed('tsaufs-test2', false)
  t.teardown(() => other.end())
  bed.detached('same', 'sleep 1000')
  const { exit, out, err } = other.run(['run', '-d', '--name', 'same', '--network', 'none', '--rootfs', 'R', 'sh', '-c', 'id; cat /proc/self/setgroups; sleep 1000'])
  t.equal(exit, 0, err)
  t.match(err, /^tsaufs: only root exists in the container: there are no subordinate ids/)
  t.equal(out.trim().length, 64)
  await until(() => other.run(['logs', 'same']).out.includes('deny'))
  t.equal(other.run(['logs', 'same']).out, 'uid=0(root) gid=0(root)\ndeny\n')
  t.equal(other.run(['exec', 'same', 'sh', '-c', 'echo x >/etc/motd; cat /etc/motd; chown 5 /etc/motd || echo refused']).out, 'x\nrefused\n')
  t.match(other.run(['run', '--rm', '--network', 'none', '--user', 'bob', '--rootfs', 'R', 'true']), { exit: 125, err: /EINVAL: become the (group|user)/ })
  t.equal(other.run(['--root', bed.root, 'ps']).exit, 1, "the other's state is not his to look at")
  t.equal(other.run(['rm', '-f', 'same']).exit, 0)
  t.equal(bed.run(['exec', 'same', 'cat', '/data/file']).out, 'of the layer\n')
  t.equal(bed.run(['rm', '-f', 'same']).exit, 0)
  t.same(await other.remains(), [])
  t.same(await bed.remains(), [])
  t.same(readdirSync(join(other.root, 'userns')), [])
})

t.test('ids: keep-id, auto, unshare', { skip }, async t => {
  const mine = join(bed.user.home, 'mine')
  t.equal(bed.exec(['sh', '-c', 'mkdir mine; echo x >mine/f']).exit, 0)
  const kept = bed.sh('id -u; stat -c %u /v/f /etc/passwd; touch /v/g; touch /etc/x || echo refused', '--userns', 'keep-id', '-v', './mine:/v')
  t.equal(kept.out, `${bed.user.uid}\n${bed.user.uid}\n0\nrefused\n`, kept.err)
  t.equal(statSync(join(mine, 'g')).uid, bed.user.uid, 'what he makes in a volume is his')
  t.equal(bed.sh('id -u; id -g', '--userns', 'keep-id:uid=2000,gid=3000').out, '2000\n3000\n')
  t.match(bed.sh('cat /proc/self/uid_map; touch /x && stat -c %u /x', '--userns', 'auto:size=2000').out, /^ +0 +1 +2000\n0\n$/)
  t.match(bed.run(['run', '--subuidname', 'tsaufs-test', '--rootfs', 'R', 'true']), { exit: 125, err: /^tsaufs: --subuidname tsaufs-test: EPERM: / })
  t.equal(bed.run(['unshare', 'stat', '-c', '%u', 'R/data/of-five']).out, '5\n')
  t.equal(bed.run(['unshare', 'sh', '-c', 'exit 6']).exit, 6)
  t.equal(bed.run(['unshare', '/nowhere']).exit, 127)
  t.same(await bed.remains(), [])
})

t.test('places: XDG_DATA_HOME, --root, no runtime directory', { skip }, async t => {
  const data = join(bed.user.home, 'data')
  t.teardown(() => rmSync(`/tmp/tsaufs-${bed.user.uid}`, { recursive: true, force: true }))
  const run = ['run', '--network', 'none', '--rootfs', 'R', 'true']
  t.equal(bed.run(run, '', { XDG_DATA_HOME: data, XDG_RUNTIME_DIR: '' }).exit, 0)
  t.equal(readdirSync(join(data, 'tsaufs/containers')).length, 1)
  t.match(bed.run(['system', 'prune', '-f'], '', { XDG_DATA_HOME: data }), { exit: 0, out: /Deleted Containers/ })
  t.match(bed.run(['--root', join(bed.user.home, 'nowhere'), 'rm', 'one']), { exit: 1, err: /No such container/ })
  t.notOk(existsSync(join(bed.user.home, 'nowhere')), 'nothing is made for a command that looks for something')
  t.match(bed.run(['--root', '/proc', ...run]), { exit: 125, err: /^tsaufs: state root \/proc: / })
  t.same(await bed.remains(), [])
})
