import t from 'tap'
import { Listing, offsetOf, FIRST_OFFSET, type Entry } from '../../../lib/union/listing.js'

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `file-${i}`)
const listOf = (names: readonly string[]): Listing => {
  const list = new Listing('', names.length)
  for (const name of names) list.add(name, 0, 8, 1, 0)
  return list
}
function after(list: Listing, offset = 0): Entry[] {
  const entries: Entry[] = []
  let entry
  for (let place = list.placeAfter(offset); (entry = list.entryAt(place)) !== undefined; place++) {
    if (entry !== null) entries.push(entry)
  }
  return entries
}

const names = (list: Listing, offset = 0): string[] => after(list, offset).map(each => each.name)

t.test('offsets are exact, positive and above those of . and ..', t => {
  for (const name of ['a', 'b', '\xff'.repeat(255), ...many(1000)]) {
    const hash = offsetOf(name)
    t.ok(Number.isSafeInteger(hash) && hash >= FIRST_OFFSET && hash < 2 ** 52, name)
  }
  t.equal(offsetOf('file'), offsetOf('file'), 'the same in every list')
  t.end()
})

t.test('every entry once, whatever comes and goes between two reads', t => {
  const list = listOf(many(1000))
  const seen: string[] = []
  let offset = 0
  for (let round = 0; ; round++) {
    const batch = after(list, offset).slice(0, 37)
    if (batch.length === 0) break
    for (const { name, offset: at } of batch) {
      seen.push(name)
      offset = at
      if (name.startsWith('file-')) list.remove(name)
    }
    list.add(`new-${round}`, 0, 8, 2, 0)
  }
  const old = seen.filter(name => name.startsWith('file-'))
  t.equal(old.length, 1000, 'none skipped')
  t.equal(new Set(seen).size, seen.length, 'none twice')
  t.end()
})

t.test('a rebuilt list goes on where the old one was left', t => {
  const list = listOf(many(500))
  const first = after(list).slice(0, 200)
  const rebuilt = listOf(many(500).reverse())
  const rest = names(rebuilt, first[199]!.offset)
  t.same([...first.map(each => each.name), ...rest].sort(), many(500).sort())
  t.end()
})

t.test('names with one hash get following offsets', t => {
  const list = new Listing('', 0, name => (name === 'c' ? 101 : 100))
  for (const name of ['b', 'c', 'a']) list.add(name, 0, 8, 1, 0)
  t.same(after(list).map(({ name, offset }) => [name, offset]), [['a', 100], ['b', 101], ['c', 102]])
  t.equal(list.get('b')?.name, 'b')
  list.remove('a')
  t.same(after(list).map(({ name, offset }) => [name, offset]), [['b', 101], ['c', 102]], 'offsets stay')
  t.end()
})

t.test('names are found whatever was added and removed', t => {
  const list = new Listing('')
  const model = new Map<string, number>()
  for (let i = 0, r = 1; i < 20_000; i++) {
    r = Math.imul(r, 1103515245) + 12345 >>> 0
    const name = `n${(r >>> 8) % 700}`
    if ((r >>> 4) % 3 === 0) {
      list.remove(name)
      model.delete(name)
    } else {
      list.add(name, i % 5, 8, i, 0)
      model.set(name, i)
    }
  }
  t.equal(list.size, model.size)
  for (let n = 0; n < 700; n++) t.equal(list.get(`n${n}`)?.low, model.get(`n${n}`), `n${n}`)
  const offsets = after(list).map(each => each.offset)
  t.same(offsets, [...offsets].sort((x, y) => x - y))
  t.equal(offsets.length, model.size)
  t.end()
})

t.test('adding a name again replaces it', t => {
  const list = listOf(['x'])
  list.add('x', 3, 4, 9, 0)
  t.same(names(list), ['x'])
  t.match(list.get('x'), { branch: 3, type: 4, low: 9 })
  list.relocate('x', 0)
  t.match(list.get('x'), { branch: 0, low: 0, high: 0 })
  list.remove('x')
  t.same(names(list), [])
  t.equal(list.size, 0)
  t.end()
})
