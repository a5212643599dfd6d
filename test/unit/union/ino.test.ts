import t from 'tap'
import { Inos } from '../../../lib/union/ino.js'

const A = '0123456789abcdef'
const B = 'fedcba9876543210'

t.test('the lowest file system\'s numbers are shown as they are', t => {
  const inos = new Inos(A)
  t.equal(inos.of(A, 42, 0), 42)
  t.equal(inos.of(A, 1, 0xff), 0xff * 2 ** 32 + 1)
  t.end()
})

t.test('the same on every mount, different for different objects', t => {
  const one = new Inos(A)
  const two = new Inos(A)
  const seen = new Set<number>()
  for (const fsid of [A, B, '00000000000000aa', '1111111122222222']) {
    for (const high of [0, 0xff, 0x100, 0xffffffff]) {
      for (let low = 0; low < 500; low++) {
        const ino = one.of(fsid, low, high)
        t.ok(Number.isSafeInteger(ino) && ino >= 0) || t.bailout(`${fsid} ${high} ${low}: ${ino}`)
        seen.add(ino)
        if (two.of(fsid, low, high) !== ino) t.fail(`${fsid} ${high} ${low} differs`)
      }
    }
  }
  t.equal(seen.size, 4 * 4 * 500, 'no number twice')
  t.end()
})
