/** Making, limiting, killing and removing groups, v1 and v2, on machines in memory. */
import t from 'tap'
import { DEFAULT_DEVICE_RULES } from '../../../lib/engine/cgroup/device-rules.js'
import { freeze, thaw } from '../../../lib/engine/cgroup/freeze.js'
import { findHierarchies } from '../../../lib/engine/cgroup/hierarchies.js'
import { groupExists, removeStray, strayGroups } from '../../../lib/engine/cgroup/leftovers.js'
import { changeLimits } from '../../../lib/engine/cgroup/change-limits.js'
import { killGroup } from '../../../lib/engine/cgroup/kill-group.js'
import { makeGroup, type GroupRequest, type MadeGroup } from '../../../lib/engine/cgroup/make-group.js'
import { containerHierarchies, oomCounter, procsFiles } from '../../../lib/engine/cgroup/places.js'
import { removeGroup } from '../../../lib/engine/cgroup/remove-group.js'
import { setLimits } from '../../../lib/engine/cgroup/set-limits.js'
import { usage } from '../../../lib/engine/cgroup/usage.js'
import { v1Machine, v2Machine, type FakeTree } from './fake-tree.js'

type Fake = ReturnType<typeof v1Machine>
const ID = 'c0ffee'

const make = (fake: Fake, request: Partial<GroupRequest> = {}): MadeGroup =>
  makeGroup({ id: ID, resources: {}, ...request }, findHierarchies(fake.memberships, fake.mountinfo), fake.tree)
const groupsOf = ({ dirs }: FakeTree): string[] => [...dirs].filter((dir) => dir.includes('/tsaufs'))

t.test('v1: below our own group, in every hierarchy', async t => {
  const fake = v1Machine()
  const { places, notes } = make(fake, {
    resources: {
      memory: { limit: 2 ** 26, swap: 2 ** 27 }, cpu: { shares: 512, quota: 50000, period: 100000, cpus: '1' }, pids: { limit: 9 },
      blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 4096 }] }, devices: DEFAULT_DEVICE_RULES.slice(0, 4),
    },
  })
  t.same([places.version, notes, places.devicesConfined], [1, [], true])
  t.equal(places.dirs['memory'], '/cg/memory/ours/tsaufs/c0ffee')
  t.equal(places.dirs['cpu'], '/cg/cpu/tsaufs/c0ffee')
  t.same(fake.tree.writes.map((line) => line.replace(/\/cg\/(\w+)\/(ours\/)?tsaufs/, '@')), [
    '@/cpuset.cpus=0-3', '@/cpuset.mems=0', '@/c0ffee/cpuset.cpus=0-3', '@/c0ffee/cpuset.mems=0',
    '@/c0ffee/memory.limit_in_bytes=67108864', '@/c0ffee/memory.memsw.limit_in_bytes=134217728',
    '@/c0ffee/cpu.shares=512', '@/c0ffee/cpu.cfs_period_us=100000', '@/c0ffee/cpu.cfs_quota_us=50000',
    '@/c0ffee/cpuset.cpus=1', '@/c0ffee/pids.max=9', '@/c0ffee/blkio.throttle.read_bps_device=8:0 4096',
    '@/c0ffee/devices.deny=a', '@/c0ffee/devices.allow=c *:* m', '@/c0ffee/devices.allow=b *:* m', '@/c0ffee/devices.allow=c 1:3 rwm',
  ])
  t.equal(procsFiles(places).length, 7)
  t.equal(oomCounter(places), '/cg/memory/ours/tsaufs/c0ffee/memory.oom_control')
  t.match(containerHierarchies(places, findHierarchies(fake.memberships, fake.mountinfo)), [{ name: 'memory', options: ['memory'], links: [] }])

  fake.tree.refused.set(`${places.dirs['memory']}/memory.limit_in_bytes`, 'EINVAL')
  const write = fake.tree.write.bind(fake.tree)
  fake.tree.write = (file, value) => {
    if (file.endsWith('memsw.limit_in_bytes')) fake.tree.refused.clear()
    write(file, value)
  }
  setLimits(places, { memory: { limit: 2 ** 30, swap: 2 ** 31 } }, fake.tree)
  t.match(fake.tree.writes.slice(-2), [/memsw.limit_in_bytes=2147483648$/, /memory.limit_in_bytes=1073741824$/], 'the upper one first when it must be')

  await removeGroup(places, fake.tree)
  await removeGroup(places, fake.tree)
  t.same(groupsOf(fake.tree), [])
})

t.test('what cannot be had', async t => {
  for (const [resources, message] of [
    [{ blockIO: { weight: 300 } }, /^--blkio-weight 300: EOPNOTSUPP: this kernel has no blkio.weight; leave the limit out$/],
    [{ blockIO: { throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 1 }] } }, /^--device-read-iops 8:0 1: EOPNOTSUPP/],
  ] as const) {
    const fake = v1Machine()
    t.throws(() => make(fake, { resources: resources as GroupRequest['resources'] }), { message })
    t.same(groupsOf(fake.tree), [], 'nothing is left')
    const { notes } = make(fake, { unasked: resources as GroupRequest['resources'] })
    t.match(notes, [message], 'unasked it is a note')
  }
  const fake = v1Machine()
  for (const dir of ['memory/ours', 'cpu', 'cpuset', 'pids', 'blkio', 'devices', 'freezer']) fake.tree.refused.set(`/cg/${dir}/tsaufs`, 'EACCES')
  const none = make(fake, { resources: { devices: [...DEFAULT_DEVICE_RULES] } })
  t.same([none.places.dirs, none.places.devicesConfined], [{}, false], 'rootless: no group')
  t.match(none.notes, [/no group may be made in/])
  t.throws(() => make(fake, { resources: { pids: { limit: 5 } } }), { message: /^--pids-limit 5: EOPNOTSUPP: there is no pids controller for us/ })
  await t.rejects(freeze(none.places, fake.tree), { message: /no group of its own/ })
  t.same(usage(none.places, fake.tree), {})
})

t.test('names', async t => {
  const fake = v1Machine()
  for (const parent of ['..', 'a/../b', '/', '', '/a/./b', 'a b', '/a\n', '-x']) {
    t.throws(() => make(fake, { parent }), { message: /^--cgroup-parent .*: EINVAL: not a path of groups/s }, JSON.stringify(parent))
  }
  t.throws(() => make(fake, { id: '../x' }), { message: /not the id of a container/ })
  fake.tree.group('/cg/pids/mine')
  t.equal(make(fake, { parent: '/mine' }).places.dirs['pids'], '/cg/pids/mine/c0ffee')
  t.equal(make(fake, { parent: 'deep/er' }).places.dirs['memory'], '/cg/memory/ours/deep/er/c0ffee')
})

t.test('what an earlier run left', async t => {
  const fake = v1Machine()
  const { places } = make(fake)
  fake.tree.files.set(`${places.dirs['pids']}/pids.max`, '3')
  make(fake)
  t.equal(fake.tree.files.get(`${places.dirs['pids']}/pids.max`), '', 'made anew')
  fake.tree.files.set(`${places.dirs['pids']}/cgroup.procs`, '77\n')
  t.throws(() => make(fake), { message: /EBUSY: processes of an earlier run are in it/ })
})

t.test('v2: where controllers can be given', async t => {
  const root = v2Machine('/')
  root.tree.files.set('/cg/cgroup.procs', '1\n')
  const made = make(root, { resources: { memory: { limit: 2 ** 26, swap: 2 ** 27, reservation: 2 ** 25 }, cpu: { shares: 1024, quota: 50000, period: 100000 },
    pids: { limit: -1 }, blockIO: { weight: 500, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 10 }] } } })
  t.same(made.places, { version: 2, dirs: { unified: '/cg/tsaufs/c0ffee' }, devicesConfined: false })
  t.same(root.tree.writes.filter((line) => line.includes('c0ffee')).map((line) => line.slice('/cg/tsaufs/c0ffee/'.length)), [
    'memory.max=67108864', 'memory.swap.max=67108864', 'memory.low=33554432', 'cpu.weight=39', 'cpu.max=50000 100000', 'pids.max=max',
    'io.weight=default 4950', 'io.max=8:0 rbps=10',
  ])
  t.equal(oomCounter(made.places), '/cg/tsaufs/c0ffee/memory.events')
  t.throws(() => setLimits(made.places, { memory: { swappiness: 3 } }, root.tree), { message: /--memory-swappiness 3: EOPNOTSUPP/ })
  t.throws(() => setLimits(made.places, { unified: { '../cgroup.procs': '1' } }, root.tree), { message: /not the name of a limit/ })
  setLimits(made.places, { unified: { 'pids.max': '7' } }, root.tree)
  t.match(root.tree.writes.at(-1), /c0ffee\/pids.max=7$/)

  const session = v2Machine('/user.slice/session.scope')
  session.tree.files.set('/cg/cgroup.subtree_control', 'memory pids')
  session.tree.group('/cg/user.slice').group('/cg/user.slice/session.scope', { 'cgroup.procs': '5\n' })
  session.tree.readOnly.add('/cg')
  t.equal(make(session, { resources: { memory: { limit: 2 ** 26 } } }).places.dirs['unified'], '/cg/user.slice/tsaufs/c0ffee', 'the nearest without processes')

  const boxed = v2Machine('/')
  boxed.tree.files.set('/cg/cgroup.events', '')
  boxed.tree.files.set('/cg/cgroup.procs', '5\n')
  boxed.tree.refused.set('/cg/cgroup.subtree_control', 'EBUSY')
  t.equal(make(boxed).places.dirs['unified'], '/cg/tsaufs/c0ffee', 'a group without controllers')
  t.throws(() => make(boxed, { id: 'two', resources: { pids: { limit: 4 } } }), { message: /the pids controller of cgroup v2 is not given to us/ })
  boxed.tree.readOnly.add('/cg/cgroup.procs')
  t.same(make(boxed, { id: 'three' }).places.dirs, {}, 'nobody can be brought into it')
})

t.test('freeze and kill', async t => {
  const fake = v1Machine()
  const { places } = make(fake)
  const state = `${places.dirs['freezer']}/freezer.state`
  await freeze(places, fake.tree)
  t.equal(fake.tree.files.get(state), 'FROZEN')
  await thaw(places, fake.tree)
  fake.tree.group(`${places.dirs['freezer']}/inner`)
  const procs = [`${places.dirs['freezer']}/cgroup.procs`, `${places.dirs['freezer']}/inner/cgroup.procs`]
  fake.tree.files.set(procs[0]!, '10\n11\n')
  fake.tree.files.set(procs[1]!, '12\n')
  const killed: string[] = []
  await killGroup(places, fake.tree, (pid) => {
    killed.push(`${pid} ${fake.tree.files.get(state)}`)
    for (const file of procs) fake.tree.files.set(file, fake.tree.files.get(file)!.replace(`${pid}\n`, ''))
  })
  t.same(killed, ['10 FROZEN', '11 FROZEN', '12 FROZEN'])
  t.equal(fake.tree.files.get(state), 'THAWED')
})

t.test('hierarchies', async t => {
  const joint = findHierarchies(
    '4:cpu,cpuacct:/docker/x\n3:name=systemd:/docker/x\n2:net_cls:/\n1:memory:/elsewhere\n0::/docker/x\nnonsense\n',
    '30 23 0:30 /docker/x /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 23 0:31 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n' +
    '32 23 0:32 /docker/x /cg/memory rw - cgroup cgroup rw,memory\n33 23 0:33 / /cg/unified rw - cgroup2 cgroup2 rw\n',
  )
  t.equal(joint.version, 1)
  t.same(joint.v1.map(({ own }) => own), ['/cg/cpu,cpuacct', '/cg/systemd/docker/x', '/cg/memory'])
  t.equal(joint.unified?.own, '/cg/unified/docker/x')
  const places = { version: 1 as const, devicesConfined: true, dirs: { cpu: '/a/i', cpuacct: '/a/i', 'name=systemd': '/s/i' } }
  t.same(containerHierarchies(places, joint), [
    { name: 'cpu,cpuacct', options: ['cpu', 'cpuacct'], links: ['cpu', 'cpuacct'], path: '/a/i' },
    { name: 'systemd', options: ['none', 'name=systemd'], links: [], path: '/s/i' },
  ])
  t.same(procsFiles(places), ['/a/i/cgroup.procs', '/s/i/cgroup.procs'])
  t.equal(findHierarchies('1:name=systemd:/\n0::/\n', '31 23 0:31 / /s rw - cgroup cgroup rw,name=systemd\n').version, 2, 'a name alone is no controller')
  t.same(findHierarchies('', ''), { version: 2, v1: [] })
})

t.test('usage', async t => {
  const fake = v1Machine()
  const { places } = make(fake)
  const put = (controller: string, file: string, text: string): void => { fake.tree.files.set(`${places.dirs[controller]}/${file}`, text) }
  put('memory', 'memory.usage_in_bytes', '8192\n')
  put('memory', 'memory.limit_in_bytes', '9223372036854771712\n')
  put('memory', 'memory.stat', 'inactive_file 1\ntotal_inactive_file 4096\n')
  put('memory', 'memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n')
  put('pids', 'pids.current', '3\n')
  put('pids', 'pids.max', 'max\n')
  put('blkio', 'blkio.throttle.io_service_bytes_recursive', '8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:16 Read 5\nTotal 35\n')
  t.same(usage(places, fake.tree), {
    memory: { usage: 8192, inactiveFile: 4096, limit: Infinity }, oomKills: 2, pids: { current: 3, limit: Infinity }, io: { read: 15, written: 20 },
  })
})

t.test('all limits of a change, or none', async t => {
  const fake = v1Machine()
  const { places } = make(fake, { resources: { memory: { limit: 2 ** 26 }, pids: { limit: 9 } } })
  const file = (controller: string, name: string): string | undefined => fake.tree.files.get(`${places.dirs[controller]}/${name}`)
  fake.tree.refused.set(`${places.dirs['pids']}/pids.max`, 'EINVAL')
  t.throws(() => changeLimits(places, { memory: { limit: 2 ** 27 }, pids: { limit: 3 } }, fake.tree), { message: /--pids-limit 3: EINVAL/ })
  t.same([file('memory', 'memory.limit_in_bytes'), file('pids', 'pids.max')], [String(2 ** 26), '9'])
  fake.tree.refused.clear()
  changeLimits(places, { memory: { limit: 2 ** 27 }, pids: { limit: 3 } }, fake.tree)
  t.same([file('memory', 'memory.limit_in_bytes'), file('pids', 'pids.max')], [String(2 ** 27), '3'])
})

t.test('groups that nobody takes away', async t => {
  const fake = v1Machine()
  const hierarchies = findHierarchies(fake.memberships, fake.mountinfo)
  const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
  const [known, busy, stray] = ids.map((id) => makeGroup({ id, resources: {} }, hierarchies, fake.tree).places)
  for (const dir of Object.values(busy!.dirs)) fake.tree.files.set(`${dir}/cgroup.procs`, '7\n')
  const found = (ageMs: number): string[] => strayGroups((id) => id === ids[0], hierarchies, fake.tree, () => ageMs)
  t.same(found(10), [], 'perhaps just being started')
  t.same(found(1e6).sort(), Object.values(stray!.dirs).sort())
  for (const dir of found(1e6)) await removeStray(dir, fake.tree)
  t.same([known!, busy!, stray!].map((places) => groupExists(places, fake.tree)), [true, true, false])
})
