/** An ordinary user is told before anything is made. */
import t from 'tap'
import { requireRoot } from '../../../lib/engine/life/rights.js'

t.test('containers need root', { skip: process.geteuid?.() === 0 ? false : 'needs root' }, (t) => {
  t.doesNotThrow(() => requireRoot('create c'))
  process.seteuid?.(65534)
  try {
    t.throws(() => requireRoot('create c'), { message: /^create c: EPERM: containers need root for now/ })
  } finally {
    process.seteuid?.(0)
  }
  t.end()
})
