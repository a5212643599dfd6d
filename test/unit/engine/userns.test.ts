/** `--userns` and its kin: what they say, and ids both ways. */
import t from 'tap'
import { parseTimeOffset } from '../../../lib/engine/spec/time-offset.js'
import { containerId, hostId, parseUserns, rootOf } from '../../../lib/engine/spec/userns.js'

const NONE = { userns: '', uidmap: [], gidmap: [], subuidname: '', subgidname: '' }

t.test('modes', t => {
  t.same(parseUserns(NONE), { mode: '' })
  t.same(parseUserns({ ...NONE, userns: 'host' }), { mode: 'host' })
  t.same(parseUserns({ ...NONE, userns: 'container:x' }), { mode: 'container:x' })
  t.same(parseUserns({ ...NONE, userns: 'auto' }), { mode: 'auto', size: 65536 })
  t.same(parseUserns({ ...NONE, userns: 'auto:size=10' }), { mode: 'auto', size: 10 })
  for (const userns of ['auto:size=0', 'auto:uidmapping=0:1:1', 'private', 'ns:/x']) t.throws(() => parseUserns({ ...NONE, userns }), { code: 'EINVAL' })
  t.end()
})

t.test('maps', t => {
  const { maps } = parseUserns({ ...NONE, uidmap: ['0:100000:1000', '2000:5'], gidmap: [] })
  t.same(maps!.gids, maps!.uids, 'groups as users')
  t.equal(hostId(maps!.uids, 999), 100_999)
  t.equal(hostId(maps!.uids, 1000), undefined)
  t.equal(hostId(maps!.uids, 2000), 5)
  t.equal(containerId(maps!.uids, 5), 2000)
  t.equal(containerId(maps!.uids, 99_999), undefined)
  t.same(rootOf(maps!), { uid: 100_000, gid: 100_000 })
  const own = parseUserns({ ...NONE, userns: 'private', uidmap: ['0:1:2'], gidmap: ['0:7:2'] })
  t.same(own, { mode: 'private', maps: { uids: [{ containerID: 0, hostID: 1, size: 2 }], gids: [{ containerID: 0, hostID: 7, size: 2 }] } })
  t.end()
})

t.test('clocks', t => {
  t.equal(parseTimeOffset(''), undefined)
  t.same(parseTimeOffset('monotonic=-5,boottime=+7'), { monotonic: -5, boottime: 7 })
  for (const text of ['monotonic=1,monotonic=2', 'boottime=', 'realtime=1', 'boottime=9999999999', 'boottime=1.5']) {
    t.throws(() => parseTimeOffset(text), { code: 'EINVAL' }, text)
  }
  t.end()
})
