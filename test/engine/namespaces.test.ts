/** Namespaces of containers: new, the host's, joined; user namespaces with their ids. */
import t from 'tap'
import { chownSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CANNOT_RUN, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN
const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const
const MAP = ['--uidmap', '0:100000:65536']
/** Flags with which each is a new one, where that is not so anyway. */
const NEW = [...MAP, '--timens', 'private']
const HOST = ['--pid', 'host', '--ipc', 'host', '--uts', 'host', '--cgroupns', 'host', '--userns', 'host', '--timens', 'host']
const SHOW = `for n in ${KINDS.join(' ')}; do readlink /proc/self/ns/$n; done`

t.test('each of the eight: new, of the host, of another container', { skip }, t => {
  const bed = new LifeBed(t)
  const host = KINDS.map((kind) => readlinkSync(`/proc/self/ns/${kind}`))
  bed.detached(t, 'sleep 1000', '--name', 'first', ...NEW)
  const pid = bed.inspect('first', '{{.State.Pid}}')
  const outside = KINDS.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`))
  const inside = bed.run(['exec', 'first', 'sh', '-c', SHOW]).out.trim().split('\n')
  t.same(inside, outside, 'seen from inside and from outside')
  for (const [i, kind] of KINDS.entries()) t.not(outside[i], host[i], `${kind} is its own`)

  const shared = bed.run(['run', '--rm', '--network', 'host', ...HOST, '--rootfs', 'R', 'sh', '-c', SHOW]).out.trim().split('\n')
  for (const [i, kind] of KINDS.entries()) t.equal(shared[i] === host[i], kind !== 'mnt', `${kind}: the host's, but for the mounts`)

  const joins = ['pid', 'network', 'ipc', 'uts', 'cgroupns', 'userns', 'timens'].flatMap((flag) => [`--${flag}`, 'container:first'])
  const joined = bed.run(['run', '--rm', ...joins, '--rootfs', 'R', 'sh', '-c', `${SHOW}; hostname; stat -c %u:%g /data/file`])
  t.equal(joined.err, '')
  const lines = joined.out.trim().split('\n')
  for (const [i, kind] of KINDS.entries()) t.equal(lines[i] === outside[i], kind !== 'mnt', `${kind}: the other container's`)
  t.equal(lines[8], bed.inspect('first', '{{.Config.Hostname}}'))
  t.equal(lines[9], '0:0', 'the root is shown in its ids')
  bed.run(['rm', '-f', 'first'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('clocks of a time namespace', { skip }, t => {
  const bed = new LifeBed(t)
  const ahead = 864_000
  const { out } = bed.sh('cut -d. -f1 /proc/uptime', '--rm', '--time-offset', `boottime=${ahead},monotonic=-5`)
  const here = Number(readFileSync('/proc/uptime', 'latin1').split('.')[0])
  t.ok(Number(out) > ahead && Number(out) <= here + ahead, `${out} and ${here}`)
  t.same(bed.remains(), [])
  t.end()
})

t.test('a user namespace: who owns what, inside and on the host', { skip }, t => {
  const bed = new LifeBed(t)
  chownSync(join(bed.layer, 'data/file'), 1000, 1001)
  const id = bed.detached(t, 'touch /made; chown bob /made; sleep 1000', '--name', 'own', ...MAP, '-v', 'vol:/data', '-v', 'empty:/e', '--tmpfs', '/t')
  const { out, err } = bed.run(['exec', 'own', 'sh', '-c', `id -u; stat -c %u:%g /data/file /etc/hosts /made /e /t /dev/pts; echo said > /dev/stderr
    touch /e/x; cat /proc/self/uid_map; grep CapEff /proc/self/status; echo 1 > /proc/sys/kernel/panic; mknod /n c 1 3`])
  const lines = out.trim().split('\n')
  t.same(lines.slice(0, 7), ['0', '1000:1001', '0:0', '1000:0', '0:0', '0:0', '0:0'], err)
  t.match(out, /^ +0 +100000 +65536$/m)
  t.match(out, /CapEff:\t00000000a80425fb/)
  t.match(err, /^said\n/, 'its stderr is its own')
  t.match(err, /panic: Read-only file system/)
  t.match(err, /mknod: .*Operation not permitted/)
  t.equal(bed.run(['exec', '-u', 'bob', 'own', 'sh', '-c', 'echo bob > /dev/stdout']).out, 'bob\n')
  const owner = (path: string): string => { const { uid, gid } = statSync(path); return `${uid}:${gid}` }
  t.equal(owner(join(bed.dir(id), 'rw/made')), '1000:0', 'a branch has the container\'s ids, as a layer has')
  t.equal(owner(join(bed.path, 'root/volumes/vol/_data/file')), '101000:101001', 'a volume those of the host')
  t.equal(owner(join(bed.path, 'root/volumes/empty/_data/x')), '100000:100000')
  writeFileSync(join(bed.path, 'f'), 'x')
  chownSync(join(bed.path, 'f'), 7, 8)
  bed.run(['cp', 'f', 'own:/f'])
  bed.run(['cp', '-a', 'f', 'own:/fa'])
  t.equal(bed.run(['exec', 'own', 'stat', '-c', '%u:%g', '/f', '/fa']).out, '0:0\n7:8\n', 'cp into it')
  bed.run(['cp', '-a', 'own:/fa', 'back'])
  t.equal(owner(join(bed.path, 'back')), '7:8')
  bed.run(['stop', '-t', '0', 'own'])
  bed.run(['cp', '-a', 'f', 'own:/later'])
  t.equal(bed.run(['start', 'own']).exit, 0)
  t.equal(bed.run(['exec', 'own', 'stat', '-c', '%u:%g', '/later']).out, '7:8\n')
  t.equal(bed.inspect('own', '{{json .HostConfig.IDMappings}}'), '{"UidMap":["0:100000:65536"],"GidMap":["0:100000:65536"]}')
  bed.run(['rm', '-f', 'own'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('what cannot be had is said in a line, and nothing is made', { skip }, t => {
  const bed = new LifeBed(t)
  const bad: readonly (readonly [words: string, said: RegExp])[] = [
    ['--uidmap 1:100000:5', /user 0 of the container is not mapped/], ['--uidmap 0:1:5 --uidmap 3:100:5', /the container's user 3 is mapped twice/],
    ['--uidmap 0:1:5 --gidmap 0:1:5 --gidmap 10:3:5', /the host's group 3 is mapped twice/], ['--uidmap 0:0:0', /invalid mapping/],
    ['--uidmap 0:4294967290:10', /invalid mapping/], ['--userns auto --uidmap 0:1:1', /mutually exclusive/], ['--userns keep-id', /ordinary users/],
    ['--userns what', /invalid mode/], ['--userns private', /give its ids/], ['--userns auto:size=x', /invalid option/], ['--subuidname no-such', /no subuid ranges/],
    ['--userns container:nobody', /No such container: nobody/], ['--uidmap 0:1:9 --privileged', /incompatible with user namespaces/],
    ['--uidmap 0:1:9 --pid host', /host PID namespace/], ['--time-offset x=1', /invalid offset/], ['--time-offset monotonic=5 --timens host', /conflicting options/],
    ['--timens what', /invalid mode/], ['--uts container:nobody', /No such container/],
  ]
  for (const [words, said] of bad) {
    const { exit, out, err } = bed.sh('true', ...words.split(' '))
    t.same({ exit, out, lines: err.split('\n').length }, { exit: 125, out: '', lines: 2 }, words)
    t.match(err, said, words)
  }
  t.match(bed.run(['run', '--network', 'host', ...MAP, '--rootfs', 'R', 'true']), { exit: 125, err: /host's network namespace/ })
  t.equal(bed.run(['ps', '-aq']).out, '')
  bed.detached(t, 'sleep 1000', '--name', 'plain')
  t.match(bed.run(['run', '--rm', '--network', 'container:plain', ...MAP, '--rootfs', 'R', 'true']), { exit: 125, err: /another user namespace/ })
  bed.run(['rm', '-f', 'plain'])
  t.same(bed.remains(), [])
  t.end()
})
