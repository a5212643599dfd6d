/** Bad arguments are programming errors: a TypeError naming the argument, never a crash and never a wrong syscall. */
import t from 'tap'
import { openFds, sys } from './sandbox.js'
import type { Native } from '../../lib/os/native.js'

const call = sys as unknown as Record<string, (...args: unknown[]) => unknown>

t.test('every function with an argument refuses a wrong one', async t => {
  for (const name of Object.keys(sys).filter(name => typeof sys[name as keyof Native] === 'function')) {
    if (['prepareProcess', 'setsid', 'dataSweep', 'trimMemory', 'watchRead', 'watchClose', 'noStoredStat'].includes(name)) continue
    for (const wrong of [[], [Symbol('x')], [{}, {}, {}, {}, {}, {}, {}, {}], [NaN, 'x', 'y', 0], [1.5], [2 ** 60]]) {
      const how = `${name}(${wrong.map(String).join()})`
      t.throws(() => call[name]!(...wrong), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }, how)
    }
  }
})

t.test('the message names the argument', async t => {
  t.throws(() => call['openat']!(3, 7, 0, 0), { message: "openat: argument 'name' must be a string" })
  t.throws(() => call['renameat2']!(3, 'a', 'b', 'c', 0), { message: /'newdirfd'/ })
  t.throws(() => call['getxattr']!(3, 'a', 'user.k', new Uint16Array(2).buffer), { message: /'out' must be a Buffer/ })
  t.throws(() => call['copyDataAsync']!(3, 4, 5, 'no function'), { message: /'done'/ })
  t.throws(() => call['fusermount']!(['true', 5]), { message: /'argv'/ })
  t.throws(() => call['fusermount']!([]), { message: /'argv'/ })
  t.throws(() => call['fuseAttach']!(0, 'x', 'y'), { message: /'request'/ })
})

t.test('only bytes are names', async t => {
  for (const bad of ['a\0b', '\u0100', 'x\u012f', '\ud83d\ude00', '\0']) {
    const message = /'name' must be a string of bytes \(latin1\) without NUL/
    t.throws(() => sys.statx(-100, bad), { message }, JSON.stringify(bad))
  }
})

t.test('names of every length reach the kernel, which judges them', async t => {
  const { ENAMETOOLONG, ENOENT } = sys.constants as { ENAMETOOLONG: number; ENOENT: number }
  t.equal(sys.statx(-100, 'n'.repeat(255)), -ENOENT)
  t.equal(sys.statx(-100, 'n'.repeat(256)), -ENAMETOOLONG)
  t.equal(sys.statx(-100, './'.repeat(2047) + 'n'), -ENOENT, '4095 bytes')
  t.equal(sys.statx(-100, './'.repeat(2048)), -ENAMETOOLONG, '4096 bytes')
  t.equal(sys.statx(-100, './'.repeat(5000)), -ENAMETOOLONG)
})

t.test('numbers come signed or unsigned, and large', async t => {
  const { EBADF } = sys.constants as { EBADF: number }
  t.equal(sys.chown(-1, '', 0xffffffff, -1), -EBADF)
  t.equal(sys.ftruncate(-1, 2 ** 53), -EBADF)
  t.throws(() => sys.chown(3, '', 2 ** 32, 0), { message: /'uid'/ })
})

t.test('nothing stays open', async t => {
  const before = openFds()
  t.throws(() => sys.openat(-100, '/', 0, 0.5))
  t.equal(openFds(), before)
})
