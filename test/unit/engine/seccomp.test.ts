/**
 * The seccomp compiler: its programs, run by a machine of the test, say of each call what a plain reading of the profile says.
 */
import t from 'tap'
import type { Test } from 'tap'
import { ARCHES, syscallNumbers, X32_BIT } from '../../../lib/engine/seccomp/arch.js'
import type { ArchName } from '../../../lib/engine/seccomp/arch.js'
import { defaultProfile } from '../../../lib/engine/seccomp/default-profile.js'
import type { Holder } from '../../../lib/engine/seccomp/outcomes.js'
import { parseProfile } from '../../../lib/engine/seccomp/parse-profile.js'
import { ACTIONS } from '../../../lib/engine/seccomp/profile.js'
import type { Action, Condition, Profile } from '../../../lib/engine/seccomp/profile.js'
import { programOf } from '../../../lib/engine/seccomp/seccomp.js'
import { machine } from './bpf-machine.js'

const DOCKER = 'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
  .split(' ').map(name => `CAP_${name}`)
const holder = (nodeArch: string, capabilities = DOCKER): Holder => ({ nodeArch, capabilities, kernel: [6, 1] })

const KILL = 0x80000000
const RETURNS: Record<string, number> = { KILL_PROCESS: KILL, KILL_THREAD: 0, TRAP: 0x30000, ERRNO: 0x50000, TRACE: 0x7ff00000, LOG: 0x7ffc0000, ALLOW: 0x7fff0000 }
const value = ({ name, data }: Action): number => RETURNS[name]! + data
const errno = (number: number): number => 0x50000 + number
const ALLOW = RETURNS['ALLOW']!
const [EPERM, ENOSYS] = [1, 38]

function isTrue({ index, op, value, valueTwo }: Condition, args: readonly bigint[], bits: number): boolean {
  const cut = (number: bigint): bigint => BigInt.asUintN(bits, number)
  const [arg, wanted] = [cut(args[index]!), cut(value)]
  switch (op) {
    case 'EQ': return arg === wanted
    case 'NE': return arg !== wanted
    case 'LT': return arg < wanted
    case 'LE': return arg <= wanted
    case 'GT': return arg > wanted
    case 'GE': return arg >= wanted
    case 'MASKED_EQ': return (arg & wanted) === cut(valueTwo)
  }
}

/** What a profile says of a call, read rule by rule. Without what socketcall(2) and ipc(2) stand for. */
function expected(profile: Profile, { capabilities, nodeArch }: Holder, arch: ArchName, nr: number): (args: readonly bigint[]) => number {
  const native = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: 'x86' }[nodeArch]!
  const numbers = syscallNumbers(arch)
  const names = [...numbers].filter(([, number]) => number === nr).map(([name]) => name)
  const rules = profile.rules.filter(({ names: of, includes, excludes }) => of.some(name => names.includes(name))
    && includes.caps.every(cap => capabilities.includes(cap)) && (includes.arches.length === 0 || includes.arches.includes(native))
    && !excludes.caps.some(cap => capabilities.includes(cap)) && !excludes.arches.includes(native))
  const { rowEnd } = ARCHES[arch]
  const known = profile.rules.flatMap(({ names: of }) => of.map(name => numbers.get(name) ?? -1)).filter(number => number < rowEnd)
  const highest = Math.max(-1, ...known)
  const denies = ['KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO'].includes(profile.defaultAction.name)
  const otherwise = highest >= 0 && nr > highest && denies && nr < rowEnd ? errno(ENOSYS) : value(profile.defaultAction)
  return args => {
    const judge = (each: Condition): boolean => isTrue(each, args, ARCHES[arch].bits)
    const found = rules.filter(({ conditions }) => {
      const repeated = conditions.some((a, i) => conditions.some((b, j) => i !== j && a.index === b.index))
      return repeated ? conditions.some(judge) : conditions.every(judge)
    }).map(({ action }) => action).sort((a, b) => ACTIONS.indexOf(a.name) - ACTIONS.indexOf(b.name))
    return found.length > 0 ? value(found[0]!) : otherwise
  }
}

/** Numbers that are the same in each run: xorshift. */
let seed = 0x9e3779b9
function random(below: number): number {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) % below
}

/** Arguments near everything a profile compares with. */
function argumentsNear(profile: Profile): () => bigint[] {
  const conditions = profile.rules.flatMap(rule => rule.conditions)
  const interesting = [0n, 1n, 0x7e020000n, 0xffffffffn, 1n << 32n, (1n << 64n) - 1n, ...conditions.flatMap(each => [each.value, each.valueTwo])]
  return () => Array.from({ length: 6 }, () => {
    const base = interesting[random(interesting.length)]!
    const moved = base + BigInt(random(3) - 1) + (random(4) === 0 ? 1n << BigInt(random(64)) : 0n)
    return BigInt.asUintN(64, moved)
  })
}

/** Compare a program with the reading for all numbers near names, and some others; count what differs. */
function compare(t: Test, profile: Profile, of: Holder, arches: readonly ArchName[], rounds: number, but: readonly string[] = []): void {
  const run = machine(programOf(profile, of))
  const near = argumentsNear(profile)
  let [cases, wrong] = [0, 0]
  for (const arch of arches) {
    const numbers = [...syscallNumbers(arch).values()]
    const base = arch === 'SCMP_ARCH_X32' ? X32_BIT : 0
    const left = but.map(name => syscallNumbers(arch).get(name))
    for (const nr of new Set([...numbers, ...numbers.map(number => number + 1), ...Array.from({ length: 700 }, (_, i) => base + i), base + 5000])) {
      if (left.includes(nr)) continue
      const reading = expected(profile, of, arch, nr)
      for (let i = 0; i < rounds; i++) {
        const args = near()
        const [is, should] = [run({ nr, arch: ARCHES[arch].audit, args }), reading(args)]
        cases++
        if (is !== should && wrong++ < 3) t.equal(is.toString(16), should.toString(16), `${arch} ${nr} ${args.join(',')}`)
      }
    }
  }
  t.equal(wrong, 0, `${cases} cases`)
}

const X86: ArchName[] = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']
const ARM: ArchName[] = ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']

t.test('the default profile, with some sets of capabilities', t => {
  for (const capabilities of [DOCKER, [], [...DOCKER, 'CAP_SYS_ADMIN'], ['CAP_SYS_PTRACE', 'CAP_SYSLOG', 'CAP_BPF', 'CAP_SYS_TIME']]) {
    compare(t, defaultProfile(), holder('x64', capabilities), X86, 3)
    compare(t, defaultProfile(), holder('arm64', capabilities), ARM, 3)
  }
  compare(t, defaultProfile(), holder('arm'), ['SCMP_ARCH_ARM'], 3)
  t.end()
})

t.test('the default profile, by name', t => {
  const call = (run: ReturnType<typeof machine>, arch: ArchName, name: string, first = 0n): number =>
    run({ nr: syscallNumbers(arch).get(name)!, arch: ARCHES[arch].audit, args: [first, 0n, 0n, 0n, 0n, 0n] })
  const run = machine(programOf(defaultProfile(), holder('x64')))
  const admin = machine(programOf(defaultProfile(), holder('x64', ['CAP_SYS_ADMIN'])))
  for (const arch of X86) {
    for (const name of ['keyctl', 'add_key', 'bpf', 'mount', 'unshare', 'setns', 'kexec_load', 'open_by_handle_at', 'userfaultfd', 'io_uring_setup', 'swapon', 'pivot_root']) {
      t.equal(call(run, arch, name), errno(EPERM), `${arch} ${name}`)
    }
    t.equal(call(run, arch, 'clone3'), errno(ENOSYS))
    t.equal(call(run, arch, 'open_tree_attr'), errno(ENOSYS), 'younger than the profile')
    t.equal(call(run, arch, 'clone', 0x11n), ALLOW)
    t.equal(call(run, arch, 'clone', 0x10000011n), errno(EPERM), 'CLONE_NEWUSER')
    t.equal(call(run, arch, 'personality', 0xffffffffn), ALLOW)
    t.equal(call(run, arch, 'personality', 0x40000n), errno(EPERM), 'ADDR_NO_RANDOMIZE')
    for (const [family, is] of [[1n, ALLOW], [2n, ALLOW], [10n, ALLOW], [16n, ALLOW], [38n, errno(EPERM)], [40n, errno(EPERM)], [46n, errno(EPERM)]] as const) {
      t.equal(call(run, arch, 'socket', family), is, `${arch} socket ${family}`)
    }
    t.equal(call(admin, arch, 'mount'), ALLOW)
    t.equal(call(admin, arch, 'clone3'), ALLOW)
    t.equal(call(admin, arch, 'clone', 0x10000011n), ALLOW)
  }
  t.equal(call(run, 'SCMP_ARCH_X86_64', 'arch_prctl'), ALLOW)
  t.equal(run({ nr: -1, arch: ARCHES.SCMP_ARCH_X86_64.audit, args: [0n, 0n, 0n, 0n, 0n, 0n] }), errno(ENOSYS), 'a call that a debugger skips')
  t.equal(call(run, 'SCMP_ARCH_AARCH64', 'read'), KILL, 'a foreign architecture')
  const arm = machine(programOf(defaultProfile(), holder('arm64')))
  t.equal(call(arm, 'SCMP_ARCH_ARM', 'set_tls'), ALLOW)
  t.equal(call(arm, 'SCMP_ARCH_ARM', 'get_tls'), errno(EPERM))
  t.equal(call(arm, 'SCMP_ARCH_ARM', 'sync_file_range2'), ALLOW)
  t.equal(call(arm, 'SCMP_ARCH_X86_64', 'read'), KILL)
  t.end()
})

t.test('profiles of all kinds of rules', t => {
  const names = [...syscallNumbers('SCMP_ARCH_X86_64').keys()]
  const values = ['0', '1', '16', '4294967295', '4294967296', '9223372036854775808', '18446744073709551615', '2114060288']
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!
  const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ']
  for (let round = 0; round < 12; round++) {
    const condition = (): string => `{"index": ${random(6)}, "op": "SCMP_CMP_${pick(operators)}", "value": ${pick(values)}, "valueTwo": ${pick(values)}}`
    const rules = Array.from({ length: 60 }, () => `{
      "names": ${JSON.stringify(Array.from({ length: 1 + random(3) }, () => pick(names.slice(0, 120))))},
      "action": "SCMP_ACT_${pick(ACTIONS)}", "errnoRet": ${1 + random(100)}, "args": [${Array.from({ length: random(4) }, condition).join(',')}]}`)
    const text = `{"defaultAction": "SCMP_ACT_${pick(ACTIONS)}", "defaultErrnoRet": 5, "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [${rules.join(',')}]}`
    compare(t, parseProfile(text), holder('x64'), X86, 4, ['socketcall', 'ipc'])
  }
  t.end()
})

t.test('i386: a rule for a call holds for socketcall and ipc', t => {
  const profile = parseProfile(`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "syscalls": [
    {"names": ["socket", "shmget"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
    {"names": ["bind"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]}]}`)
  const run = machine(programOf(profile, holder('x64')))
  const call = (nr: number, first: bigint): number => run({ nr, arch: ARCHES.SCMP_ARCH_X86.audit, args: [first, 0n, 0n, 0n, 0n, 0n] })
  t.equal(call(102, 1n), errno(13), 'socketcall(SYS_SOCKET)')
  t.equal(call(102, 2n), ALLOW, 'socketcall(SYS_BIND): its arguments cannot be seen')
  t.equal(call(117, 23n), errno(13), 'ipc(SHMGET)')
  t.equal(call(117, 1n), ALLOW)
  t.end()
})

t.test('an architecture that is not named is killed, and x32 with it', t => {
  const run = machine(programOf(parseProfile('{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}'), holder('x64')))
  const call = (nr: number, arch: ArchName): number => run({ nr, arch: ARCHES[arch].audit, args: [0n, 0n, 0n, 0n, 0n, 0n] })
  t.equal(call(0, 'SCMP_ARCH_X86_64'), ALLOW)
  t.equal(call(100000, 'SCMP_ARCH_X86_64'), ALLOW, 'a profile that allows has nothing to say of young calls')
  t.equal(call(0, 'SCMP_ARCH_X86'), KILL)
  t.equal(call(X32_BIT, 'SCMP_ARCH_X86_64'), KILL)
  t.end()
})

t.test('what is wrong with a profile, in one line', t => {
  const wrong: [string, RegExp][] = [
    ['{', /^is no JSON: /],
    ['[]', /^an object is needed, not \[\]$/],
    ['{}', /^defaultAction: missing; there are SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS/],
    ['{"defaultAction": "ALLOW"}', /^defaultAction: "ALLOW"; there are/],
    ['{"defaultAction": "SCMP_ACT_NOTIFY"}', /^defaultAction: SCMP_ACT_NOTIFY needs a program that listens/],
    ['{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}', /^defaultAction errno: a whole number from 0 to 4095 is needed, not 4096$/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscals": []}', /^unknown key "syscals"; there are /],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}}', /^syscalls: a list is needed, not {}$/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}', /^syscalls\[0\]: names no system call$/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "read", "names": ["write"], "action": "SCMP_ACT_ALLOW"}]}', /^syscalls\[0\]: has both name and names/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a b"], "action": "SCMP_ACT_ALLOW"}]}', /^syscalls\[0\]\.names: "a b" cannot be a system call$/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]}', /args\[0\]\.index: a whole number from 0 to 5 is needed, not 6$/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "op": "EQ"}]}]}', /args\[0\]\.op: "EQ"; there are SCMP_CMP_NE/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 18446744073709551616}]}]}', /args\[0\]\.value: a whole number from 0 to 18446744073709551615/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "new"}}]}', /includes\.minKernel: a version like "4\.8"/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x86"]}', /^architectures\[0\]: "x86" is no architecture/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}', /^has both architectures and archMap/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}', /^flags\[0\]: /],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x.sock"}', /^listenerPath: /],
    [`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [${'{"names": ["read"], "action": "SCMP_ACT_LOG"},'.repeat(4096)}{}]}`, /^syscalls: 4097 entries; 4096 are the most$/],
    [' '.repeat(1024 * 1024 + 1), /^has 1048577 bytes; 1048576 are the most$/],
  ]
  for (const [text, message] of wrong) t.throws(() => parseProfile(text), { name: 'ProfileError', message }, text.slice(0, 80))
  const rules = Array.from({ length: 1100 }, (_, i) => `{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": ${i}, "op": "SCMP_CMP_NE"}, {"index": 1, "value": ${i}, "op": "SCMP_CMP_NE"}]}`)
  const long = parseProfile(`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [${rules.join(',')}]}`)
  t.throws(() => programOf(long, holder('x64')), { message: /^needs \d+ instructions; the kernel takes 4096$/ })
  t.throws(() => programOf(defaultProfile(), holder('vax')), { message: /^there is no table of system calls for vax; seccomp=unconfined/ })
  t.end()
})

t.test('the default program is short', t => {
  t.ok(programOf(defaultProfile(), holder('x64')).length / 8 < 800)
  t.end()
})
