import t from 'tap'
import { Ledger } from '../../../lib/union/ledger.js'
import { DirNode, Node } from '../../../lib/union/node.js'

const root = new DirNode(1, null, '', [0])
root.id = 1
const file = (name: string, ino = 7): Node => new Node(0o100000, ino, root, name, 0)

t.test('what is kept is bounded, what is counted is not', t => {
  const ledger = new Ledger({ entries: 10, pathBytes: 1000 })
  ledger.behalf = () => ({ uid: 5, tid: 0, reason: 'write' })
  for (let i = 0; i < 95; i++) ledger.record(file(`f${i}`, i), '/b', '/a', 3)
  const { entries, total, byReason } = ledger.report()
  t.same(entries.map(entry => entry.path), Array.from({ length: 10 }, (_, i) => `/f${85 + i}`))
  t.same(total, { count: 95, bytes: 285 })
  t.same(byReason, { write: { count: 95, bytes: 285 } })
  t.same(ledger.of(94).map(entry => entry.path), ['/f94'])
  t.same(ledger.of(3), [])
  t.end()
})

t.test('long paths are fewer', t => {
  const ledger = new Ledger({ entries: 10, pathBytes: 1000 })
  for (let i = 0; i < 30; i++) ledger.record(file('n'.repeat(299)), '/b', '/a', 1)
  t.equal(ledger.report().entries.length, 3)
  t.equal(ledger.report().total.count, 30)
  t.end()
})

t.test('a file without a name has no path', t => {
  const ledger = new Ledger()
  const nameless = new Node(0o100000, 9, null, '', 0)
  nameless.id = 9
  ledger.record(nameless, '/b', '/a', 1)
  t.match(ledger.report().entries, [{ path: '', reason: 'control', pid: 0, command: '' }])
  t.end()
})
