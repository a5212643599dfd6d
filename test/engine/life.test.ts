/** Containers from their making to their end, as docker's users expect it. */
import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../cli/sandbox.js'
import { CANNOT_RUN, finished, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN

t.test('run: output, exit codes, nothing left', { skip }, async t => {
  const bed = new LifeBed(t)
  const talk = bed.run(['run', '-i', '--rm', '--network', 'none', '--rootfs', 'R', 'sh', '-c', 'cat; echo err >&2; exit 3'], 'line\n')
  t.same(talk, { exit: 3, out: 'line\n', err: 'err\n' })
  t.equal(bed.sh('kill -TERM $$; exit 9', '--init', '--rm').exit, 143, '128 + the signal')
  for (const [word, exit, text] of [['nosuch', 127, 'not found'], ['/etc/passwd', 126, 'cannot be executed']] as const) {
    const { exit: got, err } = bed.run(['run', '--rm', '--network', 'none', '--rootfs', 'R', word])
    t.equal(got, exit)
    t.match(err, text)
  }
  t.equal(bed.run(['run', '--what', 'x']).exit, 125)
  t.equal(bed.run(['run', '--rootfs', 'nowhere', 'x']).exit, 125)
  t.equal(bed.run(['exec', 'nobody', 'x']).exit, 125)
  t.same(bed.remains(), [])
  t.end()
})

t.test('the program sees what was asked for', { skip }, async t => {
  const bed = new LifeBed(t)
  writeFileSync(join(bed.path, 'env'), '# words\nB=2\nC=of the file\n')
  const { out, err } = bed.sh(
    'hostname; id -u; id -g; echo $A $B $C; pwd; cat /host/file; cat /etc/hosts; touch /ro 2>&1; touch /t/x && echo tmpfs; ulimit -n; grep CapEff /proc/self/status; df /dev/shm | tail -1; stat -c %a /bin',
    '--rm', '-h', 'web', '-u', 'bob', '-e', 'A=1', '-e', 'C=3', '--env-file', 'env', '-w', '/new/dir', '-v', `${bed.layer}/data:/host:ro`,
    '--read-only=false', '--tmpfs', '/t:mode=1777', '--add-host', 'db:10.0.0.9', '--ulimit', 'nofile=64:64', '--cap-drop', 'ALL', '--shm-size', '8m')
  const lines = out.split('\n')
  t.same(lines.slice(0, 6), ['web', '1000', '1000', '1 2 3', '/new/dir', 'of the layer'], err)
  t.match(out, /^10\.0\.0\.9\tdb$/m)
  t.match(out, /touch: \/ro: Permission denied/)
  t.match(out, /^tmpfs$/m)
  t.match(out, /^64$/m)
  t.match(out, /CapEff:\t0000000000000000/)
  t.match(out, /\b8192\b/)
  t.equal(bed.sh('id -G', '--rm').out.trim(), '0 10', "root's groups are looked up")
  t.match(bed.sh('touch /x', '--rm', '--read-only').err, 'Read-only file system')
  t.same(bed.remains(), [])
  t.end()
})

t.test('a container outlives its command: ps, logs, exec, top, stop, start, rm', { skip }, async t => {
  const bed = new LifeBed(t)
  const id = bed.detached(t, 'echo out; echo err >&2; trap "exit 5" TERM; while :; do sleep 0.1; done', '--name', 'one', '-l', 'a.b=c')
  t.match(id, /^[0-9a-f]{64}$/)
  bed.watch(id)
  t.match(bed.run(['ps']).out, new RegExp(`^CONTAINER ID   IMAGE.*\n${id.slice(0, 12)} .*"sh -c echo out; ech.+" .* Up (Less than a|\\d+) seconds? .* one\n$`))
  t.equal(bed.run(['ps', '-q', '--no-trunc', '--filter', 'label=a.b=c']).out, `${id}\n`)
  t.ok(await until(() => bed.run(['logs', 'one']).err === 'err\n'), 'logs: err on stderr')
  t.equal(bed.run(['logs', 'one']).out, 'out\n')
  t.match(bed.run(['logs', '-t', 'one']).out, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{9}Z out\n$/)
  t.same(bed.run(['exec', '-e', 'X=7', '-w', '/tmp', '-u', 'bob', 'one', 'sh', '-c', 'echo $X; pwd; id -un; id -Gn; exit 6']), { exit: 6, out: '7\n/tmp\nbob\nbob extra\n', err: '' })
  t.same(bed.run(['exec', '-i', 'one', 'cat'], 'in\n'), { exit: 0, out: 'in\n', err: '' })
  t.equal(bed.run(['exec', 'one', 'nosuch']).exit, 127)
  t.match(bed.run(['top', 'one']).out, /^UID +PID.*\n.*sh -c echo out/)
  t.match(bed.run(['rm', 'one']).err, 'stop the container before removing')
  t.equal(bed.run(['run', '--name', 'one', '--rootfs', 'R', 'true']).exit, 125, 'the name is taken')
  t.equal(bed.run(['stop', 'one']).out, 'one\n')
  t.match(bed.run(['ps', '-a']).out, /Exited \(5\) (Less than a|\d+) seconds? ago/)
  t.same(bed.remains(id), [], 'of a stopped one there is only its directory')
  t.match(bed.run(['exec', 'one', 'true']).err, 'is not running')
  t.equal(bed.run(['start', 'one']).out, 'one\n')
  t.equal(bed.inspect('one', '{{.State.Status}} {{.State.Running}}'), 'running true')
  t.equal(bed.run(['kill', '-s', 'KILL', 'one']).out, 'one\n')
  t.equal(bed.run(['wait', 'one']).out, '137\n')
  t.equal(bed.run(['rename', 'one', 'two']).exit, 0)
  t.equal(bed.run(['rm', 'two']).out, 'two\n')
  t.match(bed.run(['rm', 'two']).err, 'No such container: two')
  t.same(bed.remains(), [])
  t.end()
})

t.test('what it writes stays, and is the only thing in its diff', { skip }, async t => {
  const bed = new LifeBed(t)
  t.equal(bed.sh('echo new > /data/new; rm /data/file; echo more >> /etc/group', '--name', 'ww').exit, 0)
  t.equal(bed.run(['diff', 'ww']).out, 'C /data\nD /data/file\nA /data/new\nC /etc/group\n')
  t.equal(readFileSync(join(bed.layer, 'data/file'), 'utf8'), 'of the layer\n', 'the layer is as it was')
  t.equal(bed.run(['cp', 'ww:/data/new', 'copied']).exit, 0)
  t.equal(readFileSync(join(bed.path, 'copied'), 'utf8'), 'new\n')
  bed.run(['rm', 'ww'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('cp, both ways, never follows a link out', { skip }, async t => {
  const bed = new LifeBed(t)
  writeFileSync(join(bed.path, 'secret'), 'of the host\n')
  const up = '/..'.repeat(12)
  bed.detached(t, `ln -s ${bed.path} /out; ln -s ${up}${bed.path}/secret /l; mkdir -p /d/e; echo 1 > /d/e/f; ln -s e/f /d/s; touch /ready; sleep 1000`, '--name', 'cc')
  t.ok(await until(() => bed.run(['exec', 'cc', 'test', '-e', '/ready']).exit === 0))
  t.match(bed.run(['cp', '-L', 'cc:/l', 'stolen']).err, 'ENOENT', 'a link out leads nowhere')
  t.equal(bed.run(['cp', 'secret', 'cc:/out/x']).exit, 1, 'nor into')
  t.equal(bed.run(['cp', '-L', 'cc:/proc/1/root/d/s', 'inside']).exit, 0)
  t.equal(bed.run(['cp', 'cc:/d', 'tree']).exit, 0)
  t.equal(readFileSync(join(bed.path, 'tree/e/f'), 'utf8'), '1\n')
  t.equal(bed.run(['cp', 'tree/.', 'cc:/data']).exit, 0)
  t.equal(bed.run(['exec', 'cc', 'cat', '/data/s']).out, '1\n')
  t.equal(bed.run(['cp', 'secret', 'cc:/nowhere/x']).exit, 1)
  t.equal(bed.run(['cp', 'tree', 'cc:/data/file']).exit, 1, 'no directory over a file')
  bed.run(['rm', '-f', 'cc'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('in the foreground: signals go to the program, its end is ours', { skip }, async t => {
  const bed = new LifeBed(t)
  const child = bed.start(['run', '--rm', '--network', 'none', '--rootfs', 'R', 'sh', '-c', 'trap "echo got; exit 4" INT; echo ready; while :; do sleep 0.1; done'])
  const done = finished(child)
  child.stdout!.once('data', () => child.kill('SIGINT'))
  t.same(await done, { exit: 4, out: 'ready\ngot\n', err: '' })
  t.same(bed.remains(), [])
  t.end()
})

t.test('a network shared is a name shared; pids and ipc of another', { skip }, async t => {
  const bed = new LifeBed(t)
  bed.detached(t, 'sleep 1000', '--name', 'first', '-h', 'web', '--ipc', 'shareable')
  const { out, err } = bed.run(['run', '--rm', '--network', 'container:first', '--pid', 'container:first', '--ipc', 'container:first', '--rootfs', 'R',
    'sh', '-c', 'hostname; cat /etc/hostname; ps | grep -c "sleep 1000"'])
  t.match(out, /^web\nweb\n[1-9]\n$/, err)
  t.match(bed.run(['run', '--network', 'container:none', '--rootfs', 'R', 'true']), { exit: 125, err: /No such container: none/ })
  bed.run(['rm', '-f', 'first'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('restart policies', { skip }, async t => {
  const bed = new LifeBed(t)
  bed.detached(t, 'echo run >> /count; exit 3', '--name', 'rr', '--restart', 'on-failure:2')
  t.ok(await until(() => bed.inspect('rr', '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}') === '2 exited 3'), 'twice more')
  t.equal(readFileSync(join(bed.dir(bed.inspect('rr', '{{.Id}}')), 'rw/count'), 'utf8'), 'run\nrun\nrun\n')
  bed.detached(t, 'sleep 0.1', '--name', 'aa', '--restart', 'always')
  t.ok(await until(() => Number(bed.inspect('aa', '{{.RestartCount}}')) >= 2))
  t.equal(bed.run(['stop', '-t', '0', 'aa']).exit, 0)
  t.ok(await until(() => bed.inspect('aa', '{{.State.Status}}') === 'exited'), 'stopped is stopped')
  t.equal(bed.run(['rm', 'aa', 'rr']).exit, 0)
  t.ok(await until(() => bed.remains().length === 0), bed.remains().join('\n'))
  t.end()
})

t.test('events', { skip }, t => {
  const bed = new LifeBed(t)
  bed.sh('exit 3', '--rm', '--name', 'ee')
  const { out } = bed.run(['events', '--since', '1h', '--until', '0s', '--format', '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}'])
  t.equal(out, 'create ee <no value>\nstart ee <no value>\ndie ee 3\ndestroy ee <no value>\n')
  t.match(bed.run(['events', '--since', '1h', '--until', '0s', '-f', 'event=die']).out, /^\S+Z container die [0-9a-f]{64} \(exitCode=3, image=R, name=ee\)\n$/)
  t.end()
})
