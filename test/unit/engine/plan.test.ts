/** The plan compiler: configurations that cannot be had are refused, and the records stand in the order that is safe. */
import t from 'tap'
import type { ContainerPlanInput, OciConfig } from '../../../lib/engine/oci.js'
import { compileContainer, compileExec } from '../../../lib/engine/plan/compile.js'
import { readMountOptions } from '../../../lib/engine/plan/mount-options.js'
import { Op, PlanError } from '../../../lib/engine/plan/wire.js'

function input(change: (config: OciConfig) => void = () => {}, extras: Partial<ContainerPlanInput> = {}): ContainerPlanInput {
  const config: OciConfig = {
    ociVersion: '1.0.2',
    process: { cwd: '/', args: ['true'], user: { uid: 0, gid: 0 } },
    root: { path: '/root/of/it' },
    linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'network' }, { type: 'ipc' }, { type: 'uts' }] },
  }
  change(config)
  return { config, io: { kind: 'pipes', stdin: false }, log: false, cgroupProcs: [], ...extras }
}

/** Numbers of the records, in their order. */
function opsOf(plan: Buffer): number[] {
  const ops: number[] = []
  for (let at = 16; at < plan.length; at += 8 + plan.readUInt32LE(at + 4)) ops.push(plan.readUInt32LE(at))
  return ops
}

t.test('the frame', async t => {
  const plan = compileContainer(input())
  t.equal(plan.toString('latin1', 0, 4), 'TSAP')
  t.equal(plan.readUInt32LE(8), plan.length)
  t.equal(plan.readUInt32LE(12), opsOf(plan).length)
})

t.test('order', async t => {
  const extras = { waitForGo: true, init: true, seccompFilter: new Uint8Array(8), idMapper: 'direct' as const }
  const full = (config: OciConfig): void => {
    config.linux.namespaces!.push({ type: 'user' }, { type: 'cgroup' })
    config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
    config.mounts = [
      { destination: '/a', type: 'bind', source: '/a', options: ['rbind', 'rshared'] },
      { destination: '/b', type: 'bind', source: '/b', options: ['rbind', 'rprivate'] },
    ]
    config.linux.maskedPaths = ['/proc/kcore']
    config.root.readonly = true
    config.process.noNewPrivileges = true
  }
  const inOrder = (ops: number[], ...wanted: number[]): void => {
    t.same(ops.filter(op => wanted.includes(op)), wanted)
  }
  const ops = opsOf(compileContainer(input(full, extras)))
  inOrder(ops, Op.UNSHARE, Op.SOURCE, Op.PROPAGATION, Op.GO, Op.SOURCE, Op.ROOT, Op.BECOME_ROOT, Op.MOUNT, Op.MOUNT, Op.MASK, Op.ATTRIBUTES, Op.PIVOT,
    Op.CWD, Op.BOUNDING, Op.IDENTITY, Op.NO_NEW_PRIVS, Op.REAPER, Op.SESSION, Op.SECCOMP, Op.CWD, Op.EXEC)
  const late = opsOf(compileContainer(input(full, { ...extras, lateMountNamespace: true })))
  inOrder(late, Op.UNSHARE, Op.GO, Op.UNSHARE, Op.SOURCE, Op.PROPAGATION, Op.SOURCE, Op.ROOT)
  const privileged = opsOf(compileContainer(input(config => { full(config); config.process.noNewPrivileges = false }, extras)))
  inOrder(privileged, Op.SECCOMP, Op.BOUNDING, Op.IDENTITY, Op.EXEC)
  const { config, ...program } = input()
  const exec = opsOf(compileExec({ ...program, process: config.process, target: { pid: 7, start: 9 } }))
  t.notOk(exec.some(op => [Op.ROOT, Op.PIVOT, Op.MOUNT, Op.MKDIR].includes(op as never)), 'exec builds nothing')
})

t.test('what cannot be had', async t => {
  const refused: [RegExp, (config: OciConfig) => void][] = [
    [/mount namespace of its own/, config => { config.linux.namespaces = [{ type: 'pid' }] }],
    [/given twice/, config => { config.linux.namespaces!.push({ type: 'pid' }) }],
    [/unknown namespace toString/, config => { config.linux.namespaces!.push({ type: 'toString' as never }) }],
    [/not an absolute path/, config => { config.linux.namespaces!.push({ type: 'user', path: 'x' }) }],
    [/uidMappings/, config => { config.linux.namespaces!.push({ type: 'user' }) }],
    [/time namespace/, config => { config.linux.timeOffsets = { boottime: { secs: 1 } } }],
    [/nothing can be mounted on \//, config => { config.mounts = [{ destination: '/x/..', type: 'tmpfs' }] }],
    [/not an absolute path: etc/, config => { config.mounts = [{ destination: '/x', source: 'etc', options: ['bind'] }] }],
    [/tmpcopyup/, config => { config.mounts = [{ destination: '/x', type: 'tmpfs', options: ['tmpcopyup'] }] }],
    [/option size/, config => { config.mounts = [{ destination: '/x', source: '/x', options: ['bind', 'size=1'] }] }],
    [/no cgroup hierarchies/, config => { config.mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup' }] }],
    [/unknown capability CAP_EVERYTHING/, config => { config.process.capabilities = { bounding: ['CAP_EVERYTHING'] } }],
    [/unknown limit/, config => { config.process.rlimits = [{ type: 'RLIMIT_FUN', soft: 1, hard: 1 }] }],
    [/soft 2 is above hard 1/, config => { config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 2, hard: 1 }] }],
    [/it would change the host/, config => { config.linux.sysctl = { 'kernel.panic': '1' } }],
    [/no key/, config => { config.linux.sysctl = { 'net/../kernel/panic': '1' } }],
    [/needs a network namespace/, config => { config.linux.namespaces = [{ type: 'mount' }]; config.linux.sysctl = { 'net.core.somaxconn': '1' } }],
    [/no number/, config => { config.linux.devices = [{ path: '/dev/x', type: 'c' }] }],
    [/unknown type x/, config => { config.linux.devices = [{ path: '/dev/x', type: 'x', major: 1, minor: 1 }] }],
    [/no command/, config => { config.process.args = [] }],
    [/working directory/, config => { config.process.cwd = 'x' }],
    [/NUL/, config => { config.process.env = ['A=1\0B=2'] }],
    [/16777216/, config => { config.process.env = [`A=${'x'.repeat(17 << 20)}`] }],
    [/unknown propagation/, config => { config.linux.rootfsPropagation = 'sideways' }],
  ]
  for (const [message, change] of refused) {
    try {
      compileContainer(input(change))
      t.fail(`refused: ${message}`)
    } catch (error) {
      t.ok(error instanceof PlanError && message.test(error.message), String(message))
    }
  }
})

t.test('mount options', async t => {
  t.match(readMountOptions(['rbind', 'ro', 'rprivate']), { bind: 'rbind', set: 1n, propagation: 1n << 18n, propagationAll: true })
  t.match(readMountOptions(['ro', 'rw']), { set: 0n, clear: 1n }, 'the later one wins')
  t.match(readMountOptions(['noatime', 'strictatime']), { set: 0x20n, clear: 0x70n })
  t.match(readMountOptions(['rro']), { set: 0n, setAll: 1n })
  t.match(readMountOptions(['mode=755', 'size=64k', 'nr_inodes']).data, [{ key: 'mode', value: '755' }, { key: 'size', value: '64k' }, { key: 'nr_inodes', value: null }])
  t.match(readMountOptions(['toString', 'constructor=1']).data, [{ key: 'toString', value: null }, { key: 'constructor', value: '1' }])
})
