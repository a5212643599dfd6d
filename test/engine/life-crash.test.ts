/** kill -9 of everything at any moment, and several commands at once: `ps` tells the truth, and it can be cleaned up. */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isGone, until } from '../cli/sandbox.js'
import { CANNOT_RUN, finished, LifeBed } from './life-bed.js'
import type { MonitorState } from '../../lib/engine/store/status.js'

const skip = CANNOT_RUN

function monitor(bed: LifeBed, id: string): MonitorState {
  return JSON.parse(readFileSync(join(bed.dir(id), 'monitor.json'), 'latin1')) as MonitorState
}

function daemons(bed: LifeBed): number[] {
  const run = join(bed.path, 'run')
  return readdirSync(run).filter((name) => name.startsWith('si_')).map((name) => Number(readFileSync(join(run, name, 'pid'), 'latin1')))
}

t.test('the monitor is killed', { skip }, async t => {
  const bed = new LifeBed(t)
  const id = bed.detached(t, 'sleep 1000', '--name', 'mm')
  bed.watch(id)
  const { monitor: killed, container } = monitor(bed, id)
  process.kill(killed.pid, 'SIGKILL')
  t.ok(await until(() => isGone(killed.pid)))
  t.equal(bed.inspect('mm', '{{.State.Status}} {{.State.Dead}}'), 'dead true')
  t.equal(bed.run(['ps', '-q']).out, '', 'nobody can talk to it: it does not count as running')
  t.match(bed.run(['system', 'check']), { exit: 1, out: /container mm: a mount, a socket, .*an end that nobody has seen/ })
  t.equal(bed.run(['wait', 'mm']).out, '137\n')
  t.equal(bed.run(['stop', 'mm']).exit, 0)
  t.ok(await until(() => isGone(container.pid)), 'its program does not outlive a stop')
  t.equal(bed.run(['start', 'mm']).exit, 0, 'it can be started again')
  process.kill(monitor(bed, id).monitor.pid, 'SIGKILL')
  t.match(bed.run(['system', 'prune', '-f']).out, id)
  t.same(bed.remains(), [])
  t.end()
})

t.test('the daemon of its root is killed', { skip }, async t => {
  const bed = new LifeBed(t)
  // It waits in the kernel: a page of a program that is not there yet would be its end (SIGBUS).
  const id = bed.detached(t, 'echo up; read x', '-i', '--name', 'dd')
  t.ok(await until(() => bed.run(['logs', 'dd']).out === 'up\n'))
  const [daemon] = daemons(bed)
  process.kill(daemon!, 'SIGKILL')
  t.ok(await until(() => isGone(daemon!)))
  t.equal(bed.inspect('dd', '{{.State.Status}}'), 'running')
  t.throws(() => readdirSync(join(bed.dir(id), 'rootfs')), { code: 'ENOTCONN' }, 'no directory of the host shows')
  t.equal(statSync(bed.dir(id)).mode & 0o777, 0o700)
  t.match(bed.run(['exec', 'dd', 'true']), { exit: 125, err: /ENOTCONN/ })
  t.equal(bed.run(['stop', '-t', '0', 'dd']).exit, 0)
  t.same(bed.remains(id), [])
  t.equal(bed.run(['start', 'dd']).exit, 0)
  t.equal(bed.run(['exec', 'dd', 'cat', '/data/file']).out, 'of the layer\n')
  t.equal(bed.run(['rm', '-f', 'dd']).exit, 0)
  t.same(bed.remains(), [])
  t.end()
})

t.test('run is killed at any moment', { skip }, async t => {
  const bed = new LifeBed(t)
  for (const [i, delayMs] of [40, 90, 120, 150, 180, 220, 280, 350].entries()) {
    const child = bed.start(['run', '--rm', '--name', `kk${i}`, '--network', 'none', '--rootfs', 'R', 'sh', '-c', 'sleep 0.2'])
    const done = finished(child)
    // Not synchronisation: whatever the moment is, the outcome has to be right.
    await sleep(delayMs)
    child.kill('SIGKILL')
    await done
  }
  const quiet = (): boolean => bed.run(['ps', '-q']).out === ''
  t.ok(await until(quiet), 'every program ends')
  t.equal(bed.run(['system', 'prune', '-f']).exit, 0)
  t.ok(await until(() => bed.remains().length === 0), bed.remains().join('\n'))
  t.equal(bed.run(['system', 'check']).exit, 0)
  t.equal(bed.sh('true', '--rm', '--name', 'kk0').exit, 0, 'their names are free')
  t.end()
})

t.test('two commands at once', { skip }, async t => {
  const bed = new LifeBed(t)
  const at = (words: readonly string[], times: number): Promise<{ exit: number | null, err: string }[]> => (
    Promise.all(Array.from({ length: times }, () => finished(bed.start(words)))))
  const created = await at(['create', '--name', 'one', '--network', 'none', '--rootfs', 'R', 'sleep', '1000'], 4)
  t.equal(created.filter(({ exit }) => exit === 0).length, 1, 'a name is given once')
  const id = bed.inspect('one', '{{.Id}}')
  bed.watch(id)
  t.same((await at(['start', 'one'], 4)).map(({ exit, err }) => `${exit}${err}`), ['0', '0', '0', '0'])
  t.equal(daemons(bed).length, 1, 'it runs once')
  t.equal(bed.processes().length, 2, 'its program (whose environment is its own), a monitor, a daemon')
  const [stopped, removed] = await Promise.all([at(['stop', '-t', '0', 'one'], 2), at(['rm', '-f', 'one'], 2)])
  t.ok(removed!.every(({ exit }) => exit === 0), JSON.stringify(removed))
  t.ok(stopped!.every(({ exit, err }) => exit === 0 || /No such container|removed meanwhile/.test(err)), JSON.stringify(stopped))
  t.same(bed.remains(), [])
  t.end()
})

t.test('twenty, ten at a time', { skip }, t => {
  const script = join(process.cwd(), 'scripts/soak-containers.sh')
  if (!existsSync(script)) t.fail('run from the repository')
  const { status, stdout, stderr } = spawnSync(script, ['20', '10'], { encoding: 'utf8', timeout: 240_000 })
  t.equal(status, 0, stdout + stderr)
  t.match(stdout, /all as they should, nothing left/)
  t.end()
})
