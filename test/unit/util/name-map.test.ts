import t from 'tap'
import { NameMap } from '../../../lib/util/name-map.js'

t.test('as a Map, whatever comes and goes', t => {
  const map = new NameMap<{ n: number }>()
  const model = new Map<string, { n: number }>()
  for (let i = 0, r = 7; i < 50_000; i++) {
    r = Math.imul(r, 1103515245) + 12345 >>> 0
    const name = `n${(r >>> 8) % (i < 25_000 ? 900 : 30)}`
    const value = { n: i }
    if ((r >>> 4) % 5 < 2) {
      if (map.delete(name) !== model.delete(name)) t.fail(`delete ${name}`)
    } else {
      map.set(name, value)
      model.set(name, value)
    }
    if (map.size !== model.size) t.fail(`size after ${i}`)
  }
  for (let n = 0; n < 900; n++) t.equal(map.get(`n${n}`), model.get(`n${n}`), `n${n}`)
  t.equal(map.has('none'), false)
  t.equal(map.get(''), undefined)
  t.end()
})

t.test('emptied, it begins anew', t => {
  const map = new NameMap<object>()
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 100; i++) map.set(`${i}`, {})
    for (let i = 0; i < 100; i++) map.delete(`${i}`)
    t.equal(map.size, 0)
    t.equal(map.get('5'), undefined)
  }
  t.end()
})
