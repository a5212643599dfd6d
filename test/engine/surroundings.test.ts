/** tsaufs-init and what surrounds a container: cgroups, limits, seccomp, the small init, plans that lie, ordinary users. */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileContainer } from '../../lib/engine/plan/compile.js'
import { Op } from '../../lib/engine/plan/wire.js'
import { kernelVersion, seccompFilter } from '../../lib/engine/seccomp/seccomp.js'
import { cannotRun, DOCKER_CAPABILITIES, dockerConfig, initProgram, makeRoot, Running, start, throughShell } from '../helpers/container.js'

const skip = cannotRun()
const controllers = '/sys/fs/cgroup'

/** A cgroup v1 directory of a test, below ours. */
function makeGroup(controller: string): { path: string, remove: () => void } {
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n').find(line => line.split(':')[1] === controller)!.split(':')[2]!
  const path = join(controllers, controller, own, `tsaufs-test-${process.pid}`)
  mkdirSync(path)
  return { path, remove: () => rmdirSync(path) }
}

const needs = (controller: string): string | false => skip || (existsSync(join(controllers, controller, 'tasks')) ? false : `no ${controller} controller of cgroup v1`)

t.test('a container that is killed for memory says so', { skip: needs('memory') }, async t => {
  const root = makeRoot('oom')
  const group = makeGroup('memory')
  t.teardown(() => {
    group.remove()
    root.remove()
  })
  writeFileSync(join(group.path, 'memory.limit_in_bytes'), String(16 << 20))
  const extras = { cgroupProcs: [join(group.path, 'cgroup.procs')], oomFile: join(group.path, 'memory.oom_control') }
  const it = await start(root.dir, dockerConfig(root.root, ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=100M', 'count=1']), extras).done
  t.match(it.exit, { code: 137, signal: 9, oom: true })
  const fine = await start(root.dir, dockerConfig(root.root, ['true']), extras).done
  t.match(fine.exit, { code: 0, oom: false }, 'what was counted before is not this one\'s')
})

t.test('cgroups as the container sees them', { skip: needs('devices') }, async t => {
  const root = makeRoot('cgroups')
  const group = makeGroup('devices')
  t.teardown(() => {
    group.remove()
    root.remove()
  })
  const config = dockerConfig(root.root, ['sh', '-c', 'grep :devices: /proc/self/cgroup; cd /sys/fs/cgroup; ls -d devices other; cat devices/cgroup.procs | head -1; mkdir devices/x; mkdir y; echo 1 > devices/cgroup.procs'])
  config.mounts!.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid', 'noexec', 'nodev'] })
  const hierarchy = { name: 'devices', options: ['devices'], links: ['other'], path: group.path }
  const it = await start(root.dir, config, { cgroupHierarchies: [hierarchy], cgroupProcs: [join(group.path, 'cgroup.procs')] }).done
  t.match(it.stdout, /:devices:\/\ndevices\nother\n1\n$/, JSON.stringify(it.failure))
  t.equal(it.stderr.match(/Read-only file system/g)?.length, 3, it.stderr)
  config.linux.namespaces = config.linux.namespaces!.filter(each => each.type !== 'cgroup')
  const bound = await start(root.dir, config, { cgroupHierarchies: [hierarchy], cgroupProcs: [join(group.path, 'cgroup.procs')] }).done
  t.match(bound.stdout, /devices\nother\n1\n$/, 'without a namespace of its own: bind-mounted')
})

t.test('limits', { skip }, async t => {
  const root = makeRoot('limits')
  t.teardown(root.remove)
  const limited = dockerConfig(root.root, ['sh', '-c', 'ulimit -n; ulimit -Hn'], { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }] })
  t.equal((await start(root.dir, limited, { init: true }).done).stdout, '64\n128\n')
  const bounding = BigInt(`0x${/^CapBnd:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!}`)
  const cannotRaise = (bounding >> 24n & 1n) === 0n ? false : 'CAP_SYS_RESOURCE is there'
  const more = dockerConfig(root.root, ['true'], { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 1 << 30 }] })
  t.match((await start(root.dir, more).done).failure, { what: 'set a limit', path: 'RLIMIT_NOFILE', errno: 'EPERM' }, { skip: cannotRaise })
})

t.test('docker\'s seccomp filter binds the program, not its preparation', { skip }, async t => {
  const root = makeRoot('seccomp')
  t.teardown(root.remove)
  const filter = seccompFilter('default', DOCKER_CAPABILITIES)
  t.ok(kernelVersion()[0] >= 5 && filter !== undefined)
  for (const noNewPrivileges of [true, false]) {
    const config = dockerConfig(root.root, ['sh', '-c', 'grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp; tty'], { noNewPrivileges, user: { uid: 1000, gid: 1000 } })
    const it = await start(root.dir, config, { init: true, io: { kind: 'tty', stdin: false }, seccompFilter: filter!.program }).done
    t.match(it.stdout, /Seccomp:\t2\r\n.*permission denied.*\/dev\/pts\/0/s, JSON.stringify(it.failure ?? ''))
  }
})

t.test('the small init reaps, and passes signals on', { skip }, async t => {
  const root = makeRoot('reaper')
  t.teardown(root.remove)
  const script = 'trap "echo term; exit 7" TERM; readlink /proc/self/fd/0; (sh -c "true" &) ; while [ "$(ps | grep -c Z)" -gt 9 ]; do :; done; ps | grep -v ps | wc -l; echo up; while :; do sleep 1000 & wait; done'
  const it = start(root.dir, dockerConfig(root.root, ['sh', '-c', script]), { init: true })
  const pid = await it.until(each => each.stdout.endsWith('up\n')).then(() => it.pid())
  t.match(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /^init\0+$/, 'it does not tell where it comes from')
  t.match(readFileSync(`/proc/${pid}/environ`, 'latin1'), /^\0*$/)
  t.match(readlinkSync(`/proc/${pid}/exe`), /^\/memfd:tsaufs-init \(deleted\)$/)
  it.process.kill('SIGTERM')
  await it.done
  t.match(it.stdout, /term\n$/)
  t.match(it.exit, { code: 7 })
})

t.test('mounts that come while it waits', { skip }, async t => {
  const root = makeRoot('late')
  const late = join(root.dir, 'late')
  mkdirSync(late)
  t.teardown(() => {
    spawnSync('umount', [late])
    root.remove()
  })
  const config = dockerConfig(root.root, ['cat', '/late/file'])
  config.mounts!.push({ destination: '/late', type: 'bind', source: late, options: ['rbind', 'rprivate', 'ro'] })
  const it = start(root.dir, config, { waitForGo: true, lateMountNamespace: true })
  await it.until(each => each.reports.length > 0)
  spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', late])
  writeFileSync(join(late, 'file'), 'late\n')
  it.go()
  t.equal((await it.done).stdout, 'late\n')
})

t.test('nobody says go', { skip }, async t => {
  const root = makeRoot('no-go')
  t.teardown(root.remove)
  const it = start(root.dir, dockerConfig(root.root, ['true']), { waitForGo: true })
  await it.until(each => each.reports.length > 0)
  it.cancel()
  await it.done
  t.match(it.failure, { errno: 'ECANCELED', exit: 125 })
  t.notOk(existsSync(join(root.dir, 'state/monitor.json')))
  t.notOk(existsSync(join(root.dir, 'state/attach.sock')))
})

t.test('an ordinary user with subordinate ids mounts in the namespaces before the go', { skip: skip || (existsSync('/usr/bin/newuidmap') ? false : 'needs uidmap') }, async t => {
  const root = makeRoot('subids')
  t.teardown(root.remove)
  writeFileSync(join(root.dir, 'subid'), 'nobody:200000:65536\n65534:200000:65536\n')
  copyFileSync(initProgram, join(root.dir, 'init'))
  chmodSync(join(root.dir, 'init'), 0o755)
  chmodSync(root.dir, 0o755)
  mkdirSync(join(root.dir, 'state'))
  mkdirSync(join(root.dir, 'volume'))
  spawnSync('chown', ['-R', '65534:65534', root.dir])
  const config = dockerConfig(root.root, ['sh', '-c', 'id -u; id -G; cat /proc/self/uid_map; cat /v/file'], { user: { uid: 1000, gid: 1000, additionalGids: [29] } })
  config.mounts!.push({ destination: '/v', type: 'bind', source: join(root.dir, 'volume'), options: ['rbind', 'rprivate'] })
  config.linux.namespaces!.push({ type: 'user' })
  config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 65534, size: 1 }, { containerID: 1, hostID: 200000, size: 65536 }]
  const files = `mount --bind ${root.dir}/subid /etc/subuid && mount --bind ${root.dir}/subid /etc/subgid &&`
  const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
  const through = throughShell(`${files} exec ${user.join(' ')} ${root.dir}/init monitor`, {}, ['unshare', '-m'])
  const it = start(root.dir, config, { idMapper: 'newidmap', waitForGo: true, through })
  await it.until(each => each.reports.length > 0)
  t.notOk(it.failure, JSON.stringify(it.failure))
  const created = String(it.reports[0]!['created'])
  const script = `mount -t tmpfs x ${root.dir}/volume && echo mine > ${root.dir}/volume/file`
  const entered = spawnSync(user[0]!, [...user.slice(1), join(root.dir, 'init'), 'enter', created, '--', 'sh', '-c', script], { encoding: 'utf8' })
  t.equal(entered.stderr, '')
  it.go()
  await it.done
  t.match(it.stdout, /^1000\n1000 29\n +0 +65534 +1\n +1 +200000 +65536\nmine\n$/, JSON.stringify(it.failure))
  t.notOk(existsSync(join(root.dir, 'volume/file')), 'the mount was in the container only')
})

t.test('enter', { skip }, async t => {
  const run = (...words: string[]) => spawnSync(initProgram, ['enter', ...words], { encoding: 'utf8' })
  t.equal(run('0', '--', 'true').status, 2)
  t.equal(run('1x', '--', 'true').status, 2)
  t.match(run('4194303', '--', 'true'), { status: 125, stderr: /^tsaufs-init: join the container's namespaces: ESRCH\n$/ })
  t.equal(run(String(process.pid), '--', 'sh', '-c', 'exit 9').status, 9)
  t.equal(run('--all', String(process.pid), '--', 'sh', '-c', 'kill -9 $$').status, 137)
  t.equal(run(String(process.pid), '--', 'nowhere-at-all').status, 127)
})

t.test('plans that lie', { skip }, async t => {
  const root = makeRoot('lies')
  t.teardown(root.remove)
  const plan = compileContainer({ config: dockerConfig(root.root, ['echo', 'RAN']), io: { kind: 'null' }, log: false, cgroupProcs: [] })
  const ask = async (bytes: Buffer, name: string): Promise<void> => {
    const it = await new Running('monitor', bytes, join(root.dir, 'state')).done
    t.match(it.failure, { errno: /^EBADMSG|EFBIG$/, exit: 125 }, name)
  }
  const header = (bytes: Buffer): Buffer => {
    bytes.writeUInt32LE(bytes.length, 8)
    return bytes
  }
  const cuts = [0, 1, 15, 16, 17, 23, 24, 25, plan.length - 1]
  for (const length of cuts) {
    await ask(Buffer.from(plan.subarray(0, length)), `cut at ${length}`)
    if (length >= 16) await ask(header(Buffer.from(plan.subarray(0, length))), `cut at ${length}, with that length in the header`)
  }
  // Each record in turn: a size that is too large, a count that is too large, an operation that is none.
  for (let at = 16; at < plan.length; at += 8 + plan.readUInt32LE(at + 4)) {
    const op = plan.readUInt32LE(at)
    const size = plan.readUInt32LE(at + 4)
    const changed = (change: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.from(plan)
      change(bytes)
      return bytes
    }
    await ask(changed(bytes => bytes.writeUInt32LE(0xffff_ffff, at + 4)), `size of ${op}`)
    if (at > plan.length / 2) continue
    await ask(changed(bytes => bytes.writeUInt32LE(999, at)), `operation ${op}`)
    if (size >= 4 && [Op.NAMESPACES, Op.CGROUP_PROCS, Op.MOUNT, Op.ROOT, Op.IO].includes(op as never)) {
      await ask(changed(bytes => bytes.writeUInt32LE(0xffff_fff0, at + 8)), `first number of ${op}`)
    }
  }
  const doubled = Buffer.concat([plan, plan.subarray(16)])
  doubled.writeUInt32LE(plan.readUInt32LE(12) * 2, 12)
  await ask(header(doubled), 'settings behind steps')
  await ask(Buffer.concat([plan, Buffer.alloc(17 << 20)]), 'more than 16 MiB')
})
