/**
 * Attacks on the launcher, point by point of the security list: what tsaufs-init answers, and beside it what runc 1.1.5 and
 * crun 1.8.1 answer to the same configuration. A word per answer, made by the row's `read`.
 */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerPlanInput, OciConfig } from '../../lib/engine/oci.js'
import { cannotRun, dockerConfig, initProgram, makeRoot } from '../helpers/container.js'
import { askOther, askTsaufs, cannotAsk, type Answer } from '../helpers/subjects.js'

interface Place {
  dir: string
  root: string
  /** A directory of the host that no container may touch; it holds one file, `secret`. */
  outside: string
}

interface Row {
  point: number
  name: string
  prepare?: (place: Place) => void
  /** Shell script in the container. */
  script?: string
  args?: string[]
  change?: (config: OciConfig, place: Place) => void
  extras?: Partial<ContainerPlanInput>
  cleanup?: (place: Place) => void
  read: (answer: Answer, place: Place) => string
  tsaufs: string
  runc: string
  crun: string
}

const binary = createHash('sha256').update(existsSync(initProgram) ? readFileSync(initProgram) : '').digest('hex')
/** `refused` if it never ran, else `ran`; `touched` if the directory of the host is not as it was. */
function outsideIs({ outside }: Place, answer: Answer): string {
  const untouched = readdirSync(outside).join() === 'secret' && readFileSync(join(outside, 'secret'), 'utf8') === 'secret\n'
  if (!untouched) return 'touched'
  return answer.out.includes('RAN') ? 'ran inside' : 'refused'
}
const link = (name: string) => ({ root, outside }: Place): void => {
  rmSync(join(root, name), { recursive: true, force: true })
  symlinkSync(`/../../../../../..${outside}`, join(root, name))
}

const ROWS: Row[] = [
  {
    point: 1, name: 'process 1 opened for writing by /proc/1/exe', extras: { init: true },
    script: 'dd if=/dev/null of=/proc/1/exe conv=notrunc 2>/dev/null && echo OPEN; echo RAN',
    read: ({ out }) => out.includes('OPEN') || createHash('sha256').update(readFileSync(initProgram)).digest('hex') !== binary ? 'written' : 'closed',
    tsaufs: 'closed', runc: 'closed', crun: 'closed',
  },
  { point: 2, name: 'entrypoint /proc/self/exe', args: ['/proc/self/exe'], read: ({ code }) => code === 0 ? 'something else' : 'refused', tsaufs: 'refused', runc: 'refused', crun: 'refused' },
  {
    point: 2, name: 'a script #!/proc/self/exe', args: ['/bin/script'],
    prepare: ({ root }) => writeFileSync(join(root, 'bin/script'), '#!/proc/self/exe\n', { mode: 0o755 }),
    read: ({ code }) => code === 0 ? 'something else' : 'refused', tsaufs: 'refused', runc: 'refused', crun: 'refused',
  },
  { point: 3, name: 'descriptors that came along', script: 'cd /proc/self/fd; echo *', read: ({ out }) => out.trim().split(' ').filter(each => Number(each) > 2).length <= 1 ? 'only 0-2' : out, tsaufs: 'only 0-2', runc: 'only 0-2', crun: 'only 0-2' },
  ...[3, 7, 8].map((fd): Row => ({
    point: 4, name: `working directory /proc/self/fd/${fd}`, script: 'pwd -P; ls ../../../../..; echo RAN',
    change: config => { config.process.cwd = `/proc/self/fd/${fd}` },
    read: ({ out }) => out.includes('RAN') ? 'ran' : 'refused', tsaufs: 'refused', runc: 'refused', crun: 'refused',
  })),
  {
    point: 4, name: 'working directory a link to /proc/self/fd/7', script: 'echo RAN',
    prepare: ({ root }) => symlinkSync('/proc/self/fd/7', join(root, 'tmp/link')),
    change: config => { config.process.cwd = '/tmp/link' },
    read: ({ out }) => out.includes('RAN') ? 'ran' : 'refused', tsaufs: 'refused', runc: 'refused', crun: 'refused',
  },
  {
    point: 6, name: 'umask and environment of the caller', script: 'umask; env | grep -c SECRET',
    read: ({ out }) => out === '0022\n0\n' ? 'not inherited' : out, tsaufs: 'not inherited', runc: 'not inherited', crun: 'not inherited',
  },
  {
    point: 5, name: 'a working directory that only root may enter, for an ordinary user', script: 'pwd; ls .',
    prepare: ({ root }) => mkdirSync(join(root, 'tmp/closed'), { mode: 0o700 }),
    change: config => { config.process.cwd = '/tmp/closed'; config.process.user = { uid: 1000, gid: 1000 } },
    read: ({ out }) => /^\/tmp\/closed\n.*Permission denied/s.test(out) ? 'put there' : out, tsaufs: 'put there', runc: 'put there', crun: 'put there',
  },
  { point: 7, name: 'the terminal of the caller', script: '(: </dev/tty) 2>&1; [ -t 0 ] || [ -t 1 ] || echo closed', read: ({ out }) => /No such device/.test(out) && /^closed$/m.test(out) ? 'none' : out, tsaufs: 'none', runc: 'none', crun: 'none' },
  { point: 9, name: 'the old root behind ..', script: 'ls -1d /.. /../../tmp/* 2>/dev/null; [ "$(stat -c %i /)" = "$(stat -c %i /..)" ] && grep -c " / " /proc/self/mountinfo', read: ({ out }) => /tsaufs-attacks/.test(out) ? 'seen' : 'gone', tsaufs: 'gone', runc: 'gone', crun: 'gone' },
  ...['etc', 'dev', 'proc', 'sys'].map((name): Row => ({
    point: 10, name: `an image whose /${name} leads outside`, prepare: link(name), script: 'echo RAN; echo x > /etc/x; echo x > /dev/x; echo x > /sys/x',
    change: (config, { dir }) => {
      writeFileSync(join(dir, 'hosts'), 'hosts\n')
      config.mounts!.push({ destination: '/etc/hosts', type: 'bind', source: join(dir, 'hosts'), options: ['rbind', 'rprivate'] })
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: { etc: 'ran inside', dev: 'touched' }[name] ?? 'refused', crun: 'refused',
  })),
  {
    point: 10, name: 'a volume on a link that leads outside', prepare: link('data'), script: 'echo RAN; echo x > /data/x',
    change: (config, { dir }) => {
      mkdirSync(join(dir, 'volume'), { recursive: true })
      config.mounts!.push({ destination: '/data', type: 'bind', source: join(dir, 'volume'), options: ['rbind', 'rprivate'] })
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'ran inside', crun: 'refused',
  },
  {
    point: 12, name: '/proc is a file', prepare: ({ root }) => { rmSync(join(root, 'proc'), { recursive: true }); writeFileSync(join(root, 'proc'), '') },
    script: 'echo RAN', read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'refused', crun: 'refused',
  },
  ...['/proc/self/attr', '/proc/sys', '/proc', '/proc/self/fdinfo'].map((destination): Row => ({
    point: 12, name: `a volume on ${destination}`, script: 'echo RAN',
    change: (config, { dir }) => {
      mkdirSync(join(dir, 'volume'), { recursive: true })
      config.mounts!.push({ destination, type: 'bind', source: join(dir, 'volume'), options: ['rbind', 'rprivate'] })
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'refused', crun: 'ran inside',
  })),
  {
    point: 13, name: '/dev of a volume, its null a link', script: 'wc -c < /proc/keys; stat -c %t:%T /proc/keys',
    prepare: ({ dir }) => { mkdirSync(join(dir, 'devices')); writeFileSync(join(dir, 'devices/fake'), 'fake'); symlinkSync('fake', join(dir, 'devices/null')) },
    change: (config, { dir }) => { config.mounts = [config.mounts![0]!, { destination: '/dev', type: 'bind', source: join(dir, 'devices'), options: ['rbind', 'rprivate'] }] },
    read: ({ out, code }) => /^0\n1:3$/m.test(out) ? 'the device' : code !== 0 ? 'refused' : out.startsWith('4\n') ? 'a file of the volume' : out === '' ? 'no output' : out,
    tsaufs: 'the device', runc: 'a file of the volume', crun: 'no output',
  },
  {
    point: 15, name: 'a sysctl, where /proc is none', script: 'echo RAN',
    prepare: ({ root }) => { mkdirSync(join(root, 'proc/sys/net/ipv4'), { recursive: true }); writeFileSync(join(root, 'proc/sys/net/ipv4/ip_forward'), 'fake\n') },
    change: config => {
      config.mounts = config.mounts!.filter(each => each.destination !== '/proc')
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
      config.linux.maskedPaths = config.linux.readonlyPaths = []
    },
    read: ({ out }, { root }) => readFileSync(join(root, 'proc/sys/net/ipv4/ip_forward'), 'utf8') !== 'fake\n' ? 'swallowed' : out.includes('RAN') ? 'set' : 'refused',
    tsaufs: 'set', runc: 'swallowed', crun: 'set',
  },
  {
    point: 17, name: 'a read-only bind mount of what is nosuid, nodev, noexec', script: 'grep " /v " /proc/self/mountinfo | cut -d" " -f6; touch /v/x',
    prepare: ({ dir }) => {
      mkdirSync(join(dir, 'volume'))
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev,noexec', 'tmpfs', join(dir, 'volume')])
    },
    cleanup: ({ dir }) => { spawnSync('umount', ['-R', join(dir, 'volume')]) },
    change: (config, { dir }) => { config.mounts!.push({ destination: '/v', type: 'bind', source: join(dir, 'volume'), options: ['rbind', 'rprivate', 'ro'] }) },
    read: ({ out }) => !/Read-only/.test(out) ? out : /^ro,nosuid,nodev,noexec/.test(out) ? 'kept' : 'read-only, the rest is lost',
    tsaufs: 'kept', runc: 'read-only, the rest is lost', crun: 'read-only, the rest is lost',
  },
  {
    point: 16, name: 'masked paths', script: 'for each in acpi asound kcore keys latency_stats timer_list timer_stats sched_debug scsi interrupts; do [ -d /proc/$each ] && ls /proc/$each || cat /proc/$each 2>/dev/null; done; ls /sys/firmware; ls /sys/devices/virtual/powercap 2>/dev/null',
    read: ({ out }) => out === '' ? 'empty' : out, tsaufs: 'empty', runc: 'empty', crun: 'empty',
  },
  {
    point: 16, name: 'read-only paths', script: 'for each in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do [ -e $each ] || continue; (echo 1 > $each) 2>&1 | grep -v "Read-only"; done; echo RAN',
    read: ({ out }) => out === 'RAN\n' ? 'read-only' : out, tsaufs: 'read-only', runc: 'read-only', crun: 'read-only',
  },
  {
    point: 19, name: 'capabilities', script: 'grep ^Cap /proc/self/status | tr -d "\\n\\t"',
    read: ({ out }) => out === 'CapInh:0000000000000000CapPrm:00000000a80425fbCapEff:00000000a80425fbCapBnd:00000000a80425fbCapAmb:0000000000000000' ? 'docker\'s' : out,
    tsaufs: 'docker\'s', runc: 'docker\'s', crun: 'docker\'s',
  },
  {
    point: 19, name: 'capabilities of an ordinary user', script: 'grep -E "^Cap(Prm|Eff|Amb)" /proc/self/status | tr -d "\\n\\t"; id -u; id -G',
    change: config => { config.process.user = { uid: 1000, gid: 1000, additionalGids: [7] } },
    read: ({ out }) => out === 'CapPrm:0000000000000000CapEff:0000000000000000CapAmb:00000000000000001000\n1000 7\n' ? 'none' : out,
    tsaufs: 'none', runc: 'none', crun: 'none',
  },
  {
    point: 22, name: 'root of a user namespace and what root of the host owns', script: 'id -u; cat /proc/self/uid_map | tr -s " "; cat /tmp/of-root; echo x > /tmp/x',
    prepare: ({ dir, root }) => { chmodSync(dir, 0o755); writeFileSync(join(root, 'tmp/of-root'), 'SECRET', { mode: 0o600 }) },
    change: config => {
      config.linux.namespaces!.push({ type: 'user' })
      config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
    },
    read: ({ out }) => /^0\n 0 100000 65536\n/.test(out) && out.match(/Permission denied/g)?.length === 2 ? 'owns nothing' : out, tsaufs: 'owns nothing', runc: 'owns nothing', crun: 'owns nothing',
  },
  {
    point: 20, name: 'a setuid program', script: 'grep -h ^NoNewPrivs /proc/self/status; exec /bin/busybox-suid id -u',
    prepare: ({ root }) => { copyFileSync(join(root, 'bin/busybox'), join(root, 'bin/busybox-suid')); chmodSync(join(root, 'bin/busybox-suid'), 0o4755) },
    change: config => { config.process.user = { uid: 1000, gid: 1000 } },
    read: ({ out }) => /NoNewPrivs:\t1\n1000\n/.test(out) ? 'gains nothing' : out, tsaufs: 'gains nothing', runc: 'gains nothing', crun: 'gains nothing',
  },
]

t.test('attacks', { skip: cannotRun() }, async t => {
  const others = (['runc', 'crun'] as const).map(name => ({ name, skip: cannotAsk(name) }))
  for (const row of ROWS) {
    await t.test(`${row.point}. ${row.name}`, async t => {
      const subjects = [{ name: 'tsaufs' as const, skip: false as const }, ...others]
      for (const { name, skip } of subjects) {
        if (skip !== false) {
          t.pass(name, { skip })
          continue
        }
        // Each has a place of its own: what one of them breaks must not be the other's.
        const place = { ...makeRoot('attacks'), outside: '' }
        t.teardown(() => {
          row.cleanup?.(place)
          place.remove()
        })
        place.outside = join(place.dir, 'outside')
        mkdirSync(place.outside)
        writeFileSync(join(place.outside, 'secret'), 'secret\n')
        row.prepare?.(place)
        const config = dockerConfig(place.root, row.args ?? ['sh', '-c', row.script!])
        row.change?.(config, place)
        const answer = name === 'tsaufs' ? await askTsaufs(place.dir, config, row.extras) : await askOther(name, place.dir, config)
        t.equal(row.read(answer, place), row[name], `${name}: ${JSON.stringify(answer)}`)
      }
    })
  }
})
