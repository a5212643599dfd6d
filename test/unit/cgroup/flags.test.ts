/** Limits as people write them: what is taken, what is refused and with which words. */
import t from 'tap'
import { checkLimits, parseNumberList } from '../../../lib/engine/cgroup/check-limits.js'
import { LIMIT_FLAGS, limitsOf, optionKey } from '../../../lib/engine/cgroup/limit-flags.js'
import { parseRam } from '../../../lib/engine/cgroup/size.js'
import { resourcesOf } from '../../../lib/engine/cgroup/to-resources.js'
import { major, minor } from '../../../lib/engine/spec/numbers.js'

const MACHINE = { cpus: [0, 1], mems: [0] }

t.test('sizes', async t => {
  const rows: readonly (readonly [text: string, bytes: number])[] = [
    ['0', 0], ['6291456', 6291456], ['512b', 512], ['4k', 4096], ['64M', 64 * 2 ** 20], ['64mb', 64 * 2 ** 20], ['64MiB', 64 * 2 ** 20],
    ['1.5g', 1.5 * 2 ** 30], ['2 g', 2 * 2 ** 30], ['1t', 2 ** 40],
  ]
  for (const [text, bytes] of rows) t.equal(parseRam(text), bytes, text)
  for (const text of ['', 'm', '-1', '1x', '1..5m', '1e3', '0x10', ' 1', '1mm', '9999999999999999t', '1\n']) t.ok(Number.isNaN(parseRam(text)), JSON.stringify(text))
})

const GOOD: readonly (readonly [options: Record<string, unknown>, resources: object])[] = [
  [{}, {}],
  [{ memory: '64m' }, { memory: { limit: 64 * 2 ** 20 } }],
  [{ memory: '64m', memorySwap: '-1' }, { memory: { limit: 64 * 2 ** 20, swap: -1 } }],
  [{ memory: '0', memorySwap: '0', cpuShares: '0', pidsLimit: '0' }, { pids: { limit: -1 } }],
  [{ memoryReservation: '32m', memorySwappiness: '0' }, { memory: { reservation: 32 * 2 ** 20, swappiness: 0 } }],
  [{ memory: '64m', oomKillDisable: true }, { memory: { limit: 64 * 2 ** 20, disableOOMKiller: true } }],
  [{ cpus: '.5' }, { cpu: { period: 100000, quota: 50000 } }],
  [{ cpus: '1.25' }, { cpu: { period: 100000, quota: 125000 } }],
  [{ cpuPeriod: '50000', cpuQuota: '-1', cpuShares: '512' }, { cpu: { shares: 512, period: 50000, quota: -1 } }],
  [{ cpusetCpus: '0-1', cpusetMems: '0' }, { cpu: { cpus: '0-1', mems: '0' } }],
  [{ pidsLimit: '100', blkioWeight: '300' }, { pids: { limit: 100 }, blockIO: { weight: 300 } }],
]

t.test('what is taken', async t => {
  for (const [options, resources] of GOOD) {
    const limits = limitsOf(options)
    checkLimits(limits, MACHINE)
    t.same(resourcesOf(limits).resources, resources, JSON.stringify(options))
  }
  t.same(resourcesOf(limitsOf({ memory: '64m' })).unasked, { memory: { limit: 64 * 2 ** 20, swap: 128 * 2 ** 20 } }, 'swap as much again')
  t.same(resourcesOf(limitsOf({ memory: '64m', memorySwap: '64m' })).unasked, {})
  t.match(checkLimits(limitsOf({ oomKillDisable: true }), MACHINE), [/whole system may run out of memory/])
  t.same(limitsOf({ deviceReadBps: ['/dev/sda:1mb', '/dev/sdb:10'] }).BlkioDeviceReadBps, [{ Path: '/dev/sda', Rate: 2 ** 20 }, { Path: '/dev/sdb', Rate: 10 }])
})

const BAD: readonly (readonly [options: Record<string, unknown>, words: RegExp])[] = [
  [{ memory: 'abc' }, /^--memory abc: EINVAL: invalid size: 'abc'/],
  [{ memory: '-5m' }, /invalid size: '-5m'/],
  [{ memory: '4m' }, /Minimum memory limit allowed is 6MB/],
  [{ memorySwap: '64m' }, /You should always set the Memory limit when using Memoryswap limit/],
  [{ memory: '64m', memorySwap: '32m' }, /Minimum memoryswap limit should be larger than memory limit/],
  [{ memoryReservation: '1m' }, /Minimum memory reservation allowed is 6MB/],
  [{ memory: '64m', memoryReservation: '65m' }, /Minimum memory limit can not be less than memory reservation limit/],
  [{ memorySwappiness: '101' }, /Invalid value: 101, valid memory swappiness range is 0-100/],
  [{ memorySwappiness: 'x' }, /invalid syntax/],
  [{ cpus: 'abc' }, /failed to parse abc as a rational number/],
  [{ cpus: '0' }, /Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available/],
  [{ cpus: '3' }, /Range of CPUs is from 0.01 to 2.00/],
  [{ cpus: '1', cpuPeriod: '1000' }, /Nano CPUs and CPU Period cannot both be set/],
  [{ cpus: '1', cpuQuota: '1000' }, /Nano CPUs and CPU Quota cannot both be set/],
  [{ cpuPeriod: '999' }, /CPU cfs period can not be less than 1ms/],
  [{ cpuQuota: '10' }, /CPU cfs quota can not be less than 1ms/],
  [{ cpuShares: '-1' }, /must be 0 or more/],
  [{ cpusetCpus: '7' }, /Requested CPUs are not available - requested 7, available: 0,1/],
  [{ cpusetCpus: 'a-b' }, /Invalid value a-b for cpuset cpus/],
  [{ cpusetCpus: '0,' }, /Invalid value 0, for cpuset cpus/],
  [{ cpusetMems: '1' }, /Requested memory nodes are not available/],
  [{ pidsLimit: '1.5' }, /invalid syntax/],
  [{ blkioWeight: '5' }, /range of blkio weight is from 10 to 1000/],
  [{ blkioWeightDevice: ['/dev/sda:5'] }, /invalid weight for device: \/dev\/sda:5/],
  [{ deviceReadBps: ['/dev/sda'] }, /bad format: \/dev\/sda/],
  [{ deviceReadBps: ['sda:1mb'] }, /bad format for device path: sda/],
  [{ deviceReadBps: ['/dev/sda:x'] }, /invalid rate for device: \/dev\/sda:x/],
  [{ deviceWriteIops: ['/dev/sda:1mb'] }, /invalid rate for device/],
  [{ deviceReadBps: ['/dev/null:1mb'] }, /device \/dev\/null: ENOTBLK: not a block device/],
  [{ deviceReadBps: ['/dev/no-such-disk:1mb'] }, /device \/dev\/no-such-disk: ENOENT/],
]

t.test('what is refused', async t => {
  for (const [options, words] of BAD) {
    t.throws(() => {
      const limits = limitsOf(options)
      checkLimits(limits, MACHINE)
      resourcesOf(limits)
    }, { message: words, name: 'MountError' }, JSON.stringify(options))
  }
})

t.test('tables and small parts', async t => {
  t.equal(new Set(LIMIT_FLAGS.map(optionKey)).size, LIMIT_FLAGS.length)
  t.same(parseNumberList('0-2,7\n'), [0, 1, 2, 7])
  t.same(parseNumberList('0-99999').length, 8192, 'bounded')
  t.same(parseNumberList(''), [])
  const wide = Number((0x12n << 44n) | (0x345n << 8n) | 0x0cn | (0xabn << 20n))
  t.same([major(0x801), minor(0x801), major(wide), minor(wide)], [8, 1, 0x12345, 0xab0c], 'device numbers')
})
