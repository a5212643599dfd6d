/** Limits of containers by the commands: given, shown, changed, and what a limit does to who reaches it. */
import t from 'tap'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM } from '../cli/sandbox.js'
import { cannotRun, makeRoot } from '../helpers/container.js'
import type { GroupPlaces } from '../../lib/engine/cgroup/index.js'
import { controllerDir, directories } from '../../lib/engine/cgroup/places.js'
import { until } from '../../lib/util/until.js'

const skip = cannotRun()
if (skip !== false) t.plan(0, skip)
else {
  const { dir, root, remove } = makeRoot('limits')
  const env = { ...process.env, TSAUFS_SPARE: '0', TSAUFS_ROOT: join(dir, 'state'), TSAUFS_RUN_DIR: join(dir, 'run') }
  const seen = new Set<string>()
  t.teardown(async () => {
    await tsaufs('rm', '-f', ...(await tsaufs('ps', '-aq')).out.split('\n').filter((id) => id !== ''))
    remove()
  })

  interface Outcome {
    readonly exit: number
    readonly out: string
    readonly said: string
  }
  const tsaufs = (...words: readonly string[]): Promise<Outcome> => new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...words], { env, timeout: 100_000 }, (error, out, said) => {
      resolve({ exit: error === null ? 0 : Number(error.code ?? 1), out, said })
    })
  })
  const shell = (flags: readonly string[], script: string): Promise<Outcome> =>
    tsaufs('run', '--network', 'none', ...flags, '--rootfs', root, '/bin/sh', '-c', script)
  const tellsReady = (name: string): boolean => execFileSync(process.execPath, [PROGRAM, 'logs', name], { env, encoding: 'utf8' }) === 'ready\n'
  const placesOf = async (name: string): Promise<GroupPlaces> => {
    const { out } = await tsaufs('inspect', '--format', '{{.Id}}', name)
    const { cgroup } = JSON.parse(readFileSync(join(dir, 'state/containers', out.trim(), 'container.json'), 'utf8')) as { cgroup: GroupPlaces }
    directories(cgroup).forEach((each) => seen.add(each))
    return cgroup
  }

  t.test('killed for its memory', async t => {
    const { exit } = await shell(['--name', 'oom', '-m', '24m', '--memory-swap', '24m'], 'exec sort -S 200m /dev/zero')
    t.equal(exit, 137)
    await placesOf('oom')
    const shown = await tsaufs('inspect', '--format', '{{.State.OOMKilled}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}', 'oom')
    t.equal(shown.out, `true ${24 << 20} ${24 << 20} 0\n`)
    t.equal((await tsaufs('rm', 'oom')).exit, 0)
  })

  t.test('what it sees of its groups', async t => {
    const { out } = await shell(['--rm', '--pids-limit', '9', '--cpus', '0.5'], `
      cut -d: -f3 /proc/self/cgroup | sort -u
      find /sys/fs/cgroup -name pids.max | xargs cat
      mkdir $(dirname $(find /sys/fs/cgroup -name cgroup.procs | head -n 1))/mine 2>&1 | grep -o 'Read-only file system'
      (i=0; while [ $i -lt 20 ]; do sleep 100 >/dev/null 2>&1 & i=$((i+1)); done) 2>/tmp/said
      grep -o "can't fork" /tmp/said`)
    t.equal(out, "/\n9\nRead-only file system\ncan't fork\n")
  })

  t.test("the host's network does not bring the host's groups", async t => {
    const { out } = await tsaufs('run', '--rm', '--network', 'host', '--rootfs', root, '/bin/sh', '-c',
      'grep " cgroup2\\? " /proc/mounts | grep -vc " ro,"; cut -d: -f3 /proc/self/cgroup | sort -u; ls /sys/class/net | grep -c lo')
    t.equal(out, '0\n/\n1\n', 'all mounts read-only, its own root, and the interfaces of the host')
  })

  t.test('devices', async t => {
    const script = '[ -e /dev/fuse ] || mknod /dev/fuse c 10 229; (: <>/dev/fuse) 2>/dev/null && echo opened || echo refused; : </dev/zero && echo zero'
    t.equal((await shell(['--rm'], script)).out, 'refused\nzero\n')
    t.equal((await shell(['--rm', '--device-cgroup-rule', 'c 10:229 rw'], script)).out, 'opened\nzero\n')
    if (existsSync('/dev/fuse')) t.equal((await shell(['--rm', '--device', '/dev/fuse'], script)).out, 'opened\nzero\n')
  })

  t.test('limits that cannot be had', async t => {
    const rows: readonly (readonly [flags: readonly string[], said: RegExp])[] = [
      [['--memory', 'lots'], /^tsaufs: --memory lots: EINVAL: invalid size: 'lots'/],
      [['--cpuset-cpus', '4000'], /Requested CPUs are not available - requested 4000/],
      [['--cgroup-parent', '../up'], /--cgroup-parent \.\.\/up: EINVAL: not a path of groups/],
      [['--device-read-bps', '/dev/null:1m'], /ENOTBLK/],
    ]
    for (const [flags, said] of rows) {
      const outcome = await shell(['--rm', ...flags], 'echo ran')
      t.match(outcome, { exit: 125, out: '', said }, flags.join(' '))
    }
  })

  t.test('a running container: stats, pause, update, stop', async t => {
    t.equal((await shell(['-d', '--name', 'busy', '-m', '64m', '--cpus', '0.2'], 'while :; do :; done')).exit, 0)
    const places = await placesOf('busy')
    const read = (controller: string, v1: string, v2: string): string =>
      readFileSync(join(controllerDir(places, controller)!, places.version === 1 ? v1 : v2), 'latin1').trim()

    const { out } = await tsaufs('stats', '--no-stream', '--json')
    const [stats] = JSON.parse(out) as Record<string, number>[]
    t.match(stats, { name: 'busy', memoryLimit: 64 << 20, pids: 1, netReceived: 0, oomKills: 0 })
    t.ok(stats!['cpuPercent']! > 1 && stats!['cpuPercent']! < 60, `${stats!['cpuPercent']} percent, 20 are allowed`)
    t.ok(stats!['monitorMemory']! > 0 && stats!['daemonMemory']! > stats!['monitorMemory']!)
    const table = await tsaufs('stats', '--no-stream', 'busy')
    t.match(table.out, /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS +MONITOR \+ ROOT\n[0-9a-f]{12} +busy +\d+\.\d\d% +[\d.]+[KM]?i?B \/ 64MiB +/)
    t.match((await tsaufs('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'busy')).out, /^busy 1\n$/)

    t.match(await tsaufs('pause', 'busy'), { exit: 0, out: 'busy\n' })
    t.match(await tsaufs('pause', 'busy'), { exit: 1, said: /is already paused/ })
    t.match((await tsaufs('ps')).out, /Up .* \(Paused\)/)
    t.match(await tsaufs('exec', 'busy', 'true'), { said: /is paused/ })
    const used = read('cpuacct', 'cpuacct.usage', 'cpu.stat')
    t.match(await tsaufs('update', '--cpus', '0.5', '-m', '1g', '--pids-limit', '50', 'busy'), { exit: 0, out: 'busy\n' })
    t.equal(read('cpuacct', 'cpuacct.usage', 'cpu.stat'), used, 'it did nothing')
    t.match(await tsaufs('unpause', 'busy'), { exit: 0, out: 'busy\n' })
    t.match(await tsaufs('unpause', 'busy'), { exit: 1, said: /is not paused/ })
    t.ok(await until(() => read('cpuacct', 'cpuacct.usage', 'cpu.stat') !== used, 60_000), 'it goes on')

    t.same([read('memory', 'memory.limit_in_bytes', 'memory.max'), read('pids', 'pids.max', 'pids.max')], [String(1 << 30), '50'])
    t.equal(read('cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0], '50000')
    t.match(await tsaufs('update', '--pids-limit', '60', '--cpuset-cpus', '4000', 'busy'), { exit: 1, said: /not available/ })
    t.match(await tsaufs('update', 'busy'), { exit: 2, said: /you must provide one or more flags/ })
    t.equal(read('pids', 'pids.max', 'pids.max'), '50', 'a change that is refused changes nothing')
    t.equal((await tsaufs('inspect', '--format', '{{.HostConfig.PidsLimit}} {{.HostConfig.NanoCpus}}', 'busy')).out, '50 500000000\n')

    await tsaufs('pause', 'busy')
    t.match(await tsaufs('stop', '-t', '1', 'busy'), { exit: 0 }, 'a paused one is stopped too')
    t.match(await tsaufs('pause', 'busy'), { exit: 1, said: /is not running/ })
    t.match(await tsaufs('update', '-m', '0', 'busy'), { exit: 0 }, 'one that does not run is changed for later')
    await tsaufs('rm', 'busy')
    await shell(['-d', '--name', 'polite'], 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done')
    t.ok(await until(() => tellsReady('polite'), 60_000))
    await tsaufs('pause', 'polite')
    await tsaufs('stop', 'polite')
    t.equal((await tsaufs('inspect', '--format', '{{.State.ExitCode}}', 'polite')).out, '5\n', 'it gets its signal when it goes on')
    const told = await tsaufs('events', '--since', '1h', '--until', String(Date.now() / 1000), '--filter', 'container=busy', '--format', '{{.Action}}')
    for (const action of ['pause', 'unpause', 'update']) t.ok(told.out.split('\n').includes(action), action)
  })

  t.test('nothing is left', async t => {
    t.ok(seen.size > 0)
    t.same([...seen].filter((each) => existsSync(each)), [])
  })
}
