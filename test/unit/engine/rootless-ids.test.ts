/** Which ids an ordinary user's containers have. */
import t from 'tap'
import { chooseIds, rangesOf } from '../../../lib/engine/rootless/ids.js'

const FILE = '# a comment\nann:100000:65536\n1000:300000:10\nbob:200000:65536\nann:x:1\nann:5:0\nann:4294967290:10\n'
const me = { uid: 1000, gid: 100 }

t.test('ranges by name and by number; what is none is passed over', (t) => {
  t.same(rangesOf(['1000', 'ann'], FILE), [{ first: 100000, count: 65536 }, { first: 300000, count: 10 }])
  t.same(rangesOf(['carl'], FILE), [])
  t.end()
})

t.test('root is the user, the others follow', (t) => {
  const uids = [{ first: 100000, count: 65536 }, { first: 300000, count: 10 }]
  const gids = [{ first: 200000, count: 5 }]
  t.same(chooseIds(me, { uids, gids, tools: true }), { by: 'newidmap', uids: '0:1000:1,1:100000:65536,65537:300000:10', gids: '0:100:1,1:200000:5' })
  t.match(chooseIds(me, { uids: [], gids, tools: true }), { by: 'self', uids: '0:1000:1', gids: '0:100:1', lacking: /\/etc\/subuid/ })
  t.match(chooseIds(me, { uids, gids, tools: false }), { by: 'self', lacking: /install the package uidmap/ })
  t.end()
})
