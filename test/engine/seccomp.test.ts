/**
 * A real process under the default filter: what docker's profile denies is denied, by all three ways into an x86 kernel.
 * Security list, point 21.
 */
import t from 'tap'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { syscallNumbers } from '../../lib/engine/seccomp/arch.js'
import { seccompFilter } from '../../lib/engine/seccomp/seccomp.js'

const script = fileURLToPath(new URL('../../../test/engine/under-filter.py', import.meta.url))
const CLONE_NEWUSER = 0x10000000
const SIGCHLD = 17

interface Call { readonly name: string, readonly args?: readonly number[], readonly is: string }

/** Arguments that would do no harm if the call were let through, or fail otherwise than by EPERM. */
const CALLS: readonly Call[] = [
  { name: 'getpid', is: 'ok' },
  { name: 'personality', args: [0xffffffff], is: 'ok' },
  { name: 'personality', args: [0x0040000], is: 'EPERM' },
  { name: 'keyctl', args: [0, -3], is: 'EPERM' },
  { name: 'add_key', is: 'EPERM' },
  { name: 'request_key', is: 'EPERM' },
  { name: 'bpf', args: [1000], is: 'EPERM' },
  { name: 'mount', is: 'EPERM' },
  { name: 'umount2', is: 'EPERM' },
  { name: 'pivot_root', is: 'EPERM' },
  { name: 'unshare', args: [CLONE_NEWUSER], is: 'EPERM' },
  { name: 'clone', args: [CLONE_NEWUSER | SIGCHLD], is: 'EPERM' },
  { name: 'setns', args: [-1], is: 'EPERM' },
  { name: 'kexec_load', is: 'EPERM' },
  { name: 'kexec_file_load', is: 'EPERM' },
  { name: 'open_by_handle_at', args: [-1], is: 'EPERM' },
  { name: 'userfaultfd', args: [-1], is: 'EPERM' },
  { name: 'io_uring_setup', is: 'EPERM' },
  { name: 'perf_event_open', is: 'EPERM' },
  { name: 'clone3', is: 'ENOSYS' },
  { name: 'open_tree_attr', args: [-1], is: 'ENOSYS' },
  { name: 'socket', args: [38, 5, 0], is: 'EPERM' },
]

t.test('under the default filter', { skip: process.arch === 'x64' ? false : 'the numbers of the calls are those of x86' }, t => {
  const file = join(t.testdir(), 'filter')
  writeFileSync(file, seccompFilter('builtin', ['CAP_CHOWN', 'CAP_MKNOD'])!.program)
  const words: string[] = []
  const wanted: string[] = []
  for (const abi of ['64', 'x32', '32']) {
    const numbers = syscallNumbers(abi === '32' ? 'SCMP_ARCH_X86' : 'SCMP_ARCH_X86_64')
    for (const { name, args = [], is } of CALLS) {
      const number = numbers.get(name)
      // Most kernels are built without x32, and say so behind the filter.
      if (number === undefined || abi === 'x32' && (is === 'ok' || !syscallNumbers('SCMP_ARCH_X32').has(name))) continue
      // A 32-bit register holds no -1 of 64 bits.
      const word = `${abi}:${abi === 'x32' ? syscallNumbers('SCMP_ARCH_X32').get(name)! & 0x3fffffff : number}:${args.map(each => BigInt.asUintN(abi === '32' ? 32 : 64, BigInt(each))).join(',')}`
      words.push(word)
      wanted.push(`${word} = ${is}`)
    }
  }
  const lines = execFileSync('python3', [script, file, ...words], { encoding: 'utf8' }).trim().split('\n')
  t.strictSame(lines, wanted)
  t.end()
})

t.test('a profile of one\'s own, and one that is wrong', t => {
  const dir = t.testdir({
    'mine.json': '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getppid", "gettpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}',
    'wrong.json': '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getppid"]}]}',
  })
  const filter = seccompFilter(join(dir, 'mine.json'), [])!
  t.strictSame(filter.notes, [`seccomp profile ${join(dir, 'mine.json')}: no such system call: gettpid`])
  const file = join(dir, 'filter')
  writeFileSync(file, filter.program)
  const word = `64:${syscallNumbers(process.arch === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64').get('getppid')}:`
  t.equal(execFileSync('python3', [script, file, word], { encoding: 'utf8' }), `${word} = ENOSPC\n`)
  t.equal(seccompFilter('unconfined', []), undefined)
  t.throws(() => seccompFilter(join(dir, 'wrong.json'), []), { code: 'EINVAL', message: /^seccomp profile .*wrong\.json: EINVAL: syscalls\[0\]\.action: missing; there are / })
  t.throws(() => seccompFilter(join(dir, 'none.json'), []), { code: 'ENOENT', message: /none\.json: ENOENT: the file cannot be read$/ })
  t.throws(() => seccompFilter(dir, []), { code: 'EISDIR' })
  t.end()
})
