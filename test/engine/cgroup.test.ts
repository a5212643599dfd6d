/**
 * Limits that bite, on real processes in real groups. Nothing here asks which version of the interface the machine has:
 * scripts/uml-cgroup2.sh runs it with the other one.
 */
import t from 'tap'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DEFAULT_DEVICE_RULES, freeze, groupPids, isFrozen, killGroup, oomCounter, readHierarchies, resourcesOf, setLimits, thaw, usage,
} from '../../lib/engine/cgroup/index.js'
import { realTree } from '../../lib/engine/cgroup/tree.js'
import { makeGroup } from '../../lib/engine/cgroup/make-group.js'
import { counter, group, NO_GROUPS, runIn, wait } from './cgroup-bed.js'

const BUSY = 'while :; do :; done'
const M = 2 ** 20
const skip = NO_GROUPS

t.test('memory: who allocates more is killed, and the group knows', { skip }, async t => {
  const { places, notes } = await group(t, resourcesOf({ Memory: 24 * M, MemorySwap: 24 * M }))
  t.same(notes, [])
  const small = await runIn(places, 'head -c 4194304 /dev/zero | tail | wc -c').ended
  t.same(small, { exit: 0, output: '4194304\n' }, 'what fits runs')
  t.equal(usage(places).oomKills, 0)
  const big = await runIn(places, 'head -c 209715200 /dev/zero | tail >/dev/null').ended
  t.not(big.exit, 0)
  t.match(readFileSync(oomCounter(places)!, 'latin1'), /^oom_kill [1-9]/m)
  t.ok(usage(places).oomKills! > 0)
  const { limit, peak } = usage(places).memory!
  t.equal(limit, 24 * M)
  t.ok(peak === undefined || peak <= 24 * M, `peak ${peak}`)
})

t.test('pids: a fork bomb stops', { skip }, async t => {
  const { places } = await group(t, resourcesOf({ PidsLimit: 12 }))
  const { output } = await runIn(places, 'i=0; while [ $i -lt 40 ]; do sleep 1000 >/dev/null 2>&1 & i=$((i+1)); done').ended
  t.match(output, /fork/i, 'the shell is told')
  t.ok(groupPids(places).length <= 12)
  t.ok(counter(places, 'pids', 'pids.events', 'max') > 0)
  t.equal(usage(places).pids!.limit, 12)
  setLimits(places, { pids: { limit: 20 } })
  t.equal(usage(places).pids!.limit, 20, 'changed while it runs')
})

t.test('cpu: a busy loop gets its part of each period', { skip }, async t => {
  const { places } = await group(t, resourcesOf({ NanoCpus: 2e8 }))
  runIn(places, BUSY)
  await wait(t, 'ten periods', () => counter(places, 'cpu', 'cpu.stat', 'nr_periods') >= 10)
  // Read first what can only be less by then. A quota is handed out in slices of 5 ms: one of each processor may be over.
  const used = usage(places).cpuNs!
  const periods = counter(places, 'cpu', 'cpu.stat', 'nr_periods')
  t.ok(used <= (periods + 2) * 20e6 + 20e6, `${used / 1e6} ms in ${periods} periods of 20 ms each`)
  await wait(t, 'it had to wait', () => usage(places).throttled! > 0)
})

t.test('cpu: shares on one busy processor', { skip }, async t => {
  const one = await group(t, resourcesOf({ CpuShares: 2048 }))
  const two = await group(t, resourcesOf({ CpuShares: 512 }))
  const pinned = `taskset -pc 0 $$ >/dev/null; ${BUSY}`
  for (const { places } of [one, two]) runIn(places, pinned)
  await wait(t, 'both began', () => usage(two.places).cpuNs! > 2e7)
  const before = [usage(one.places).cpuNs!, usage(two.places).cpuNs!]
  await wait(t, 'they ran', () => usage(one.places).cpuNs! + usage(two.places).cpuNs! - before[0]! - before[1]! > 6e8)
  const ratio = (usage(one.places).cpuNs! - before[0]!) / (usage(two.places).cpuNs! - before[1]!)
  t.ok(ratio > 2.5 && ratio < 6.5, `ratio ${ratio}, 4 is asked for`)
})

t.test('devices: only those that are allowed', { skip }, async t => {
  const { places } = await group(t, { resources: { devices: [...DEFAULT_DEVICE_RULES] } })
  t.ok(places.devicesConfined)
  const dir = mkdtempSync(join(tmpdir(), 'tsaufs-cgroup-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const { output } = await runIn(places, `
    head -c 1 /dev/zero >/dev/null && echo zero
    mknod ${dir}/mem c 1 1 && echo made
    (: <${dir}/mem) 2>&1 | grep -o 'Operation not permitted'
    mknod ${dir}/null c 1 3 && (: >${dir}/null) && echo null`).ended
  t.equal(output, 'zero\nmade\nOperation not permitted\nnull\n')
})

t.test('freeze and thaw', { skip }, async t => {
  const { places } = await group(t, { resources: {} })
  runIn(places, `(${BUSY}) & ${BUSY}`)
  await wait(t, 'it runs', () => usage(places).cpuNs! > 1e7)
  t.notOk(isFrozen(places))
  await freeze(places)
  t.ok(isFrozen(places))
  const before = usage(places).cpuNs!
  await runIn((await group(t, { resources: {} })).places, 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done').ended
  t.equal(usage(places).cpuNs, before, 'not a nanosecond while another worked')
  await thaw(places)
  await wait(t, 'it goes on', () => usage(places).cpuNs! > before)
  await freeze(places)
  await killGroup(places)
  t.same(groupPids(places), [], 'a frozen group can be killed')
})

t.test('kill: a group whose processes fork as fast as they can', { skip }, async t => {
  const { places } = await group(t, resourcesOf({ PidsLimit: 24 }))
  const bomb = "exec perl -e 'for (;;) { fork }'"
  runIn(places, bomb)
  await wait(t, 'it is at its limit', () => counter(places, 'pids', 'pids.events', 'max') > 20)
  await killGroup(places)
  t.same(groupPids(places), [])
  // The other way, for kernels without cgroup.kill.
  runIn(places, bomb)
  await wait(t, 'it began', () => groupPids(places).length > 5)
  await killGroup(places, { ...realTree, exists: (path) => !path.endsWith('/cgroup.kill') && realTree.exists(path) })
  t.same(groupPids(places), [])
})

t.test('a limit that cannot be set leaves nothing', { skip }, async t => {
  const before = leftovers()
  for (const resources of [{ cpu: { cpus: '4000' } }, { memory: { limit: 64 * M, swap: 32 * M } }, { unified: { 'memory.nonsense': '1' } }]) {
    if ('unified' in resources && readHierarchies().version === 1) continue
    // v2 takes memory and swap apart: less of both than of one is a negative number there.
    t.throws(() => makeGroup({ id: 'test-refused', resources }), { name: 'MountError' }, JSON.stringify(resources))
  }
  t.same(leftovers(), before)
})

function leftovers(): string[] {
  const { v1, unified } = readHierarchies()
  const own = [...v1, ...unified === undefined ? [] : [unified]].flatMap(({ controllers, own }) => [{ name: controllers.join(), own }])
  return own.filter(({ own }) => {
    try {
      readFileSync(`${own}/tsaufs/test-refused/cgroup.procs`)
      return true
    } catch {
      return false
    }
  }).map(({ name }) => name)
}
