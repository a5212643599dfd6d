import t from 'tap'
import { Listing, nameHash, FIRST_OFFSET, type Entry } from '../../../lib/union/listing.js'

const entry = (name: string): Entry => ({ name, offset: nameHash(name), branch: 0, type: 8, low: 1, high: 0 })
const many = (count: number): Entry[] => Array.from({ length: count }, (_, i) => entry(`file-${i}`))
const names = (list: Listing, after = 0): string[] => [...list.after(after)].map(each => each.name)

t.test('offsets are exact, positive and above those of . and ..', t => {
  for (const name of ['a', 'b', '\xff'.repeat(255), ...many(1000).map(each => each.name)]) {
    const hash = nameHash(name)
    t.ok(Number.isSafeInteger(hash) && hash >= FIRST_OFFSET && hash < 2 ** 52, name)
  }
  t.equal(nameHash('file'), nameHash('file'), 'the same in every list')
  t.end()
})

t.test('every entry once, whatever comes and goes between two reads', t => {
  const list = new Listing(many(1000), '')
  const seen: string[] = []
  let offset = 0
  for (let round = 0; ; round++) {
    const batch = [...list.after(offset)].slice(0, 37)
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
  const list = new Listing(many(500), '')
  const first = [...list.after(0)].slice(0, 200)
  const rebuilt = new Listing(many(500).reverse(), '')
  const rest = names(rebuilt, first[199]!.offset)
  t.same([...first.map(each => each.name), ...rest].sort(), many(500).map(each => each.name).sort())
  t.end()
})

t.test('names with one hash get following offsets', t => {
  const twin = (name: string): Entry => ({ ...entry(name), offset: 100 })
  const list = new Listing([twin('b'), twin('a'), { ...entry('c'), offset: 101 }], '')
  const all = [...list.after(0)]
  t.same(all.map(each => each.name), ['a', 'b', 'c'])
  t.same(all.map(each => each.offset), [100, 101, 102])
  t.end()
})

t.test('adding a name again replaces it', t => {
  const list = new Listing([entry('x')], '')
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
