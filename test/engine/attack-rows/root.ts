/** Points 8 to 18: the root file system, mounts, devices. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { all, exactly, leadOut, outsideIs, type Row } from './row.js'

const bind = (source: string, destination: string, ...more: string[]): { destination: string, type: string, source: string, options: string[] } =>
  ({ destination, type: 'bind', source, options: ['rbind', 'rprivate', ...more] })
/** A node made by a shell of the host, as an image may bring one. */
const node = (path: string, ...words: string[]): void => { spawnSync('mknod', ['-m', '666', path, ...words]) }

export const ROOT: Row[] = [
  {
    point: 8, name: 'mounts on a host where all is shared', script: 'echo RAN',
    // What a container mounts while it runs would still be there afterwards.
    caller: ({ dir }) => ({ through: `mount --make-rshared /; cat /proc/self/mountinfo >${dir}/before; "$@"; code=$?; cat /proc/self/mountinfo >${dir}/after; exit $code` }),
    read: ({ out }, { dir }) => !out.includes('RAN') ? out : readFileSync(join(dir, 'before'), 'utf8') === readFileSync(join(dir, 'after'), 'utf8') ? 'nothing on the host' : 'on the host',
    ...all('nothing on the host'),
  },
  {
    point: 9, name: 'the old root behind ..', script: 'ls -1d /.. /../../tmp/* 2>/dev/null; [ "$(stat -c %i /)" = "$(stat -c %i /..)" ] && grep -c " / " /proc/self/mountinfo',
    read: ({ out }) => /tsaufs-attacks/.test(out) ? 'seen' : 'gone', ...all('gone'),
  },
  {
    point: 9, name: 'out by chroot(2) and a kept descriptor', script: ({ outside }) => `probe escape ${outside}/secret`,
    read: ({ out }) => out.trim(), ...all('inside'),
  },
  ...['etc', 'dev', 'proc', 'sys'].map((name): Row => ({
    point: 10, name: `an image whose /${name} leads outside`, prepare: leadOut(name), script: 'echo RAN; echo x > /etc/x; echo x > /dev/x; echo x > /sys/x',
    change: (config, { dir }) => {
      writeFileSync(join(dir, 'hosts'), 'hosts\n')
      config.mounts!.push(bind(join(dir, 'hosts'), '/etc/hosts'))
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: { etc: 'ran inside', dev: 'touched' }[name] ?? 'refused', crun: 'refused',
  })),
  {
    point: 10, name: 'a volume on a link that leads outside', prepare: leadOut('data'), script: 'echo RAN; echo x > /data/x',
    change: (config, { dir }) => {
      mkdirSync(join(dir, 'volume'), { recursive: true })
      config.mounts!.push(bind(join(dir, 'volume'), '/data'))
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'ran inside', crun: 'refused',
  },
  {
    point: 10, name: 'a working directory below a link that leads outside', prepare: leadOut('data'), script: 'echo RAN; touch x',
    change: config => { config.process.cwd = '/data/new' },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'refused', crun: 'refused',
  },
  {
    point: 10, name: 'a device below a link that leads outside', prepare: leadOut('data'), script: 'echo RAN',
    change: config => { config.linux.devices = [{ path: '/data/null', type: 'c', major: 1, minor: 3, fileMode: 0o666 }] },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'ran inside', crun: 'refused',
  },
  {
    point: 12, name: '/proc is a file', prepare: ({ root }) => { rmSync(join(root, 'proc'), { recursive: true }); writeFileSync(join(root, 'proc'), '') },
    script: 'echo RAN', read: (answer, place) => outsideIs(place, answer), ...all('refused'),
  },
  ...['/proc/self/attr', '/proc/sys', '/proc', '/proc/self/fdinfo'].map((destination): Row => ({
    point: 12, name: `a volume on ${destination}`, script: 'echo RAN',
    change: (config, { dir }) => {
      mkdirSync(join(dir, 'volume'), { recursive: true })
      config.mounts!.push(bind(join(dir, 'volume'), destination))
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'refused', crun: 'ran inside',
  })),
  {
    point: 12, name: 'a volume whose link leads the next one onto procfs', script: 'echo RAN',
    change: (config, { dir }) => {
      for (const each of ['first', 'second']) mkdirSync(join(dir, each))
      symlinkSync('/proc/self/attr', join(dir, 'first/link'))
      config.mounts!.push(bind(join(dir, 'first'), '/v'), bind(join(dir, 'second'), '/v/link'))
    },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'refused', crun: 'ran inside',
  },
  {
    point: 13, name: '/dev of a volume, its null a link', script: 'wc -c < /proc/keys; stat -c %t:%T /proc/keys',
    prepare: ({ dir }) => { mkdirSync(join(dir, 'devices')); writeFileSync(join(dir, 'devices/fake'), 'fake'); symlinkSync('fake', join(dir, 'devices/null')) },
    change: (config, { dir }) => { config.mounts = [config.mounts![0]!, bind(join(dir, 'devices'), '/dev')] },
    read: ({ out, code }) => /^0\n1:3$/m.test(out) ? 'the device' : code !== 0 ? 'refused' : out.startsWith('4\n') ? 'a file of the volume' : out === '' ? 'no output' : out,
    tsaufs: 'the device', runc: 'a file of the volume', crun: 'no output',
  },
  {
    point: 14, name: 'a terminal, and a /dev that leads outside', prepare: leadOut('dev'), script: 'echo RAN; tty', caller: () => ({ terminal: 'both' }),
    change: config => { config.mounts = config.mounts!.filter(({ destination }) => destination === '/proc') },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'touched', crun: 'touched',
  },
  {
    point: 14, name: 'a terminal, and a /dev/console that leads outside', prepare: leadOut('dev/console', '/secret'), script: 'echo RAN; echo x >/dev/console', caller: () => ({ terminal: 'both' }),
    change: config => { config.mounts = config.mounts!.filter(({ destination }) => destination !== '/dev') },
    read: (answer, place) => outsideIs(place, answer), tsaufs: 'refused', runc: 'refused', crun: 'refused',
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
    point: 16, name: 'masked paths', script: 'for each in acpi asound kcore keys latency_stats timer_list timer_stats sched_debug scsi interrupts; do [ -d /proc/$each ] && ls /proc/$each || cat /proc/$each 2>/dev/null; done; ls /sys/firmware; ls /sys/devices/virtual/powercap 2>/dev/null',
    read: exactly('', 'empty'), ...all('empty'),
  },
  {
    point: 16, name: 'read-only paths', script: 'for each in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do [ -e $each ] || continue; (echo 1 > $each) 2>&1 | grep -v "Read-only"; done; echo RAN',
    read: exactly('RAN\n', 'read-only'), ...all('read-only'),
  },
  {
    point: 16, name: 'what the kernel runs by itself: core_pattern, modprobe, uevent_helper, binfmt_misc, release_agent', groups: true,
    // Opened to append, and nothing appended: a hole must not hurt the host.
    script: `for each in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /sys/kernel/uevent_helper /proc/sys/fs/binfmt_misc/register $(find /sys/fs/cgroup -name release_agent); do
      (: >> $each) 2>/dev/null && echo $each; done
      for each in /proc/sys /sys /sys/fs/cgroup; do mount -o remount,rw $each 2>/dev/null && echo $each; done; echo RAN`,
    change: config => { config.mounts!.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'ro'] }) },
    read: exactly('RAN\n', 'closed'), ...all('closed'),
  },
  {
    point: 16, name: 'a fresh procfs or sysfs by way of a user namespace', script: `unshare -Urmpf sh -c 'mount -t proc proc /tmp && echo PROC' 2>/dev/null; unshare -Urmn sh -c 'mount -t sysfs sysfs /tmp && echo SYS' 2>/dev/null; echo RAN`,
    read: exactly('RAN\n', 'refused'), ...all('refused'),
  },
  {
    point: 17, name: 'a read-only bind mount of what is nosuid, nodev, noexec', script: 'grep " /v " /proc/self/mountinfo | cut -d" " -f6; touch /v/x',
    prepare: ({ dir }) => {
      mkdirSync(join(dir, 'volume'))
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,nodev,noexec', 'tmpfs', join(dir, 'volume')])
    },
    cleanup: ({ dir }) => { spawnSync('umount', ['-R', join(dir, 'volume')]) },
    change: (config, { dir }) => { config.mounts!.push(bind(join(dir, 'volume'), '/v', 'ro')) },
    read: ({ out }) => !/Read-only/.test(out) ? out : /^ro,nosuid,nodev,noexec/.test(out) ? 'kept' : 'read-only, the rest is lost',
    tsaufs: 'kept', runc: 'read-only, the rest is lost', crun: 'read-only, the rest is lost',
  },
  {
    point: 18, name: 'device nodes of its own making, of the image and of a volume', groups: true,
    script: 'mknod /tmp/mem c 1 1; mknod /tmp/disk b 254 0; mknod /tmp/fuse c 10 229; for each in /tmp/mem /tmp/disk /tmp/fuse /image /v/node; do [ -e $each ] || echo no $each; (: < $each) 2>/dev/null && echo $each; (: >> $each) 2>/dev/null && echo $each; done; : < /dev/zero && echo RAN',
    prepare: ({ root, dir }) => {
      mkdirSync(join(dir, 'volume'))
      node(join(root, 'image'), 'c', '1', '1')
      node(join(dir, 'volume/node'), 'c', '1', '1')
    },
    change: (config, { dir }) => { config.mounts!.push(bind(join(dir, 'volume'), '/v')) },
    read: exactly('RAN\n', 'made, not opened'), ...all('made, not opened'),
  },
]
