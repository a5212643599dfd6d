/** Points 19 to 27: capabilities, filters, users, groups, networks. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { all, exactly, type Row } from './row.js'

/** A copy of busybox for rights of its own. It knows what it is by the beginning of its name. */
function specialCopy(root: string): string {
  const path = join(root, 'bin/busybox-special')
  copyFileSync(join(root, 'bin/busybox'), path)
  return path
}

const asUser: NonNullable<Row['change']> = config => { config.process.user = { uid: 1000, gid: 1000 } }

/** What breaks lines, JSON, shells and terminals. */
const ODD = 'a\nb\tc"\'\\$(id)\x1b[2J\x07{},'

export const RIGHTS: Row[] = [
  {
    point: 19, name: 'capabilities', script: 'grep ^Cap /proc/self/status | tr -d "\\n\\t"',
    read: exactly('CapInh:0000000000000000CapPrm:00000000a80425fbCapEff:00000000a80425fbCapBnd:00000000a80425fbCapAmb:0000000000000000', 'docker\'s'), ...all('docker\'s'),
  },
  {
    point: 19, name: 'capabilities of an ordinary user', script: 'grep -E "^Cap(Prm|Eff|Amb)" /proc/self/status | tr -d "\\n\\t"; id -u; id -G',
    change: config => { config.process.user = { uid: 1000, gid: 1000, additionalGids: [7] } },
    read: exactly('CapPrm:0000000000000000CapEff:0000000000000000CapAmb:00000000000000001000\n1000 7\n', 'none'), ...all('none'),
  },
  {
    point: 20, name: 'a setuid program', script: 'grep -h ^NoNewPrivs /proc/self/status; exec /bin/busybox-special id -u', change: asUser,
    prepare: ({ root }) => chmodSync(specialCopy(root), 0o4755),
    read: ({ out }) => /NoNewPrivs:\t1\n1000\n/.test(out) ? 'gains nothing' : out, ...all('gains nothing'),
  },
  {
    point: 20, name: 'a program with file capabilities', script: 'exec /bin/busybox-special cat /tmp/of-root', change: asUser,
    prepare: ({ root }) => {
      writeFileSync(join(root, 'tmp/of-root'), 'SECRET', { mode: 0o600 })
      spawnSync('setcap', ['cap_dac_override+ep', specialCopy(root)])
    },
    read: ({ out }) => /Permission denied/.test(out) ? 'gains nothing' : out, ...all('gains nothing'),
  },
  {
    point: 20, name: 'a setuid program on a volume', script: 'exec /v/busybox-special id -u',
    prepare: ({ root, dir }) => {
      mkdirSync(join(dir, 'volume'))
      copyFileSync(join(root, 'bin/busybox'), join(dir, 'volume/busybox-special'))
      chmodSync(join(dir, 'volume/busybox-special'), 0o4755)
    },
    change: (config, place, subject) => {
      asUser(config, place, subject)
      config.mounts!.push({ destination: '/v', type: 'bind', source: join(place.dir, 'volume'), options: ['rbind', 'rprivate'] })
    },
    read: exactly('1000\n', 'gains nothing'), ...all('gains nothing'),
  },
  {
    point: 21, name: 'system calls under docker\'s filter, as a program of x86-64 and of i386', args: ['/bin/probe', 'calls'], seccomp: true,
    read: exactly('all refused\n', 'all refused'), ...all('all refused'),
  },
  {
    point: 22, name: 'groups of the caller', script: 'id -G', caller: () => ({ through: 'exec setpriv --groups 6,27,100 "$@"' }), change: asUser,
    read: exactly('1000\n', 'dropped'), ...all('dropped'),
  },
  {
    point: 22, name: 'root of a user namespace and what root of the host owns', script: 'id -u; cat /proc/self/uid_map | tr -s " "; cat /tmp/of-root; echo x > /tmp/x',
    prepare: ({ dir, root }) => { chmodSync(dir, 0o755); writeFileSync(join(root, 'tmp/of-root'), 'SECRET', { mode: 0o600 }) },
    change: config => {
      config.linux.namespaces!.push({ type: 'user' })
      config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
    },
    read: ({ out }) => /^0\n 0 100000 65536\n/.test(out) && out.match(/Permission denied/g)?.length === 2 ? 'owns nothing' : out, ...all('owns nothing'),
  },
  {
    point: 23, name: 'arguments and environment with newlines, escapes, 100 kB', args: ['sh', '-c', 'printf %s "$1$A" | wc -c; printf %s "$1$A" | md5sum | cut -c1-32', 'sh', ODD],
    change: config => { config.process.env = ['PATH=/bin', `A=${ODD}${'x'.repeat(100_000)}`] },
    read: exactly(`${2 * ODD.length + 100_000}\n${createHash('md5').update(`${ODD}${ODD}${'x'.repeat(100_000)}`).digest('hex')}\n`, 'as they were'), ...all('as they were'),
  },
  {
    point: 25, name: 'its own limits, groups of its own, the groups above', groups: true,
    script: `cd /sys/fs/cgroup; for each in $(find . -name memory.limit_in_bytes -o -name memory.max -o -name cgroup.procs -o -name devices.allow | head -n 50); do (: >> $each) 2>/dev/null && echo $each; done
      for each in . */; do mkdir $each/mine 2>/dev/null && echo $each; done; cut -d: -f3 /proc/self/cgroup | sort -u; echo RAN`,
    change: config => { config.mounts!.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'ro'] }) },
    read: ({ out }) => out === '/\nRAN\n' ? 'read-only' : out === '.\n/\nRAN\n' ? 'read-only but the tmpfs above' : out, tsaufs: 'read-only', runc: 'read-only but the tmpfs above', crun: 'read-only but the tmpfs above',
  },
  {
    point: 25, name: 'a cgroup hierarchy mounted by way of a user namespace (CVE-2022-0492)', groups: true,
    script: `probe apart sh -c 'for each in memory pids rdma cpu; do mount -t cgroup -o $each x /tmp || continue; (: >> /tmp/release_agent) && echo $each; umount /tmp; done' 2>/dev/null; echo RAN`,
    read: exactly('RAN\n', 'refused'), ...all('refused'),
  },
  {
    point: 27, name: 'devices of a network of its own', script: 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "', read: exactly('lo\n', 'only lo'), ...all('only lo'),
  },
]
