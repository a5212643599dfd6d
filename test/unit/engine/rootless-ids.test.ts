/** Which ids an ordinary user's containers have. */
import t from 'tap'
import { chooseIds } from '../../../lib/engine/rootless/ids.js'
import { keeping } from '../../../lib/engine/spec/keep-id.js'

const me = { uid: 1000, gid: 100 }

t.test('root is the user, the others follow', (t) => {
  const uids = [{ first: 100000, count: 65536 }, { first: 300000, count: 10 }]
  const gids = [{ first: 200000, count: 5 }]
  t.same(chooseIds(me, { uids, gids, tools: true }), { by: 'newidmap', uids: '0:1000:1,1:100000:65536,65537:300000:10', gids: '0:100:1,1:200000:5' })
  t.match(chooseIds(me, { uids: [], gids, tools: true }), { by: 'self', uids: '0:1000:1', gids: '0:100:1', lacking: /\/etc\/subuid/ })
  t.match(chooseIds(me, { uids, gids, tools: false }), { by: 'self', lacking: /install the package uidmap/ })
  t.end()
})

t.test('keep-id: his own id in the middle of the others', (t) => {
  const map = (id: number, count: number): number[][] => keeping(id, count).map(({ containerID, hostID, size }) => [containerID, hostID, size])
  t.same(map(1000, 65537), [[0, 1, 1000], [1000, 0, 1], [1001, 1001, 64536]])
  t.same(map(0, 10), [[0, 0, 1], [1, 1, 9]])
  t.same(map(200_000, 11), [[0, 1, 10], [200_000, 0, 1]], 'an id above all of them')
  t.same(map(9, 11), [[0, 1, 9], [9, 0, 1], [10, 10, 1]])
  t.end()
})
