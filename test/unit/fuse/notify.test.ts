import t from 'tap'
import { constants } from 'node:os'
import { deleteMessage, incEpochMessage, invalEntryMessage, invalInodeMessage, Notifier } from '../../../lib/fuse/notify.js'
import { wireFixture } from '../../helpers/fake-kernel.js'

t.test('messages, byte for byte', async (t) => {
  t.equal(invalInodeMessage(7, -1, 0).toString('hex'), wireFixture('inval-inode.notify').toString('hex'))
  t.equal(invalEntryMessage(5, 'na\xefm', true).toString('hex'), wireFixture('inval-entry.notify').toString('hex'))
  t.equal(invalEntryMessage(5, 'na\xefm', false).readUInt32LE(28), 0)
  t.equal(deleteMessage(5, 7, 'x').toString('hex'), wireFixture('delete.notify').toString('hex'))
  t.equal(incEpochMessage().toString('hex'), '10000000080000000000000000000000')
})

t.test('senders', async (t) => {
  const written: Buffer[] = []
  let result = 0
  const notifier = new Notifier((message, length) => {
    t.equal(length, message.length)
    written.push(message)
    return result
  })
  t.same(
    [
      notifier.invalAttr(7),
      notifier.invalInode(7),
      notifier.invalEntry(5, 'n', false),
      notifier.deleted(5, 7, 'n'),
      notifier.incEpoch(),
    ],
    [0, 0, 0, 0, 0],
  )
  t.same(
    written.map((message) => message.readInt32LE(4)),
    [2, 2, 3, 6, 8],
  )
  result = -constants.errno.ENOENT
  t.equal(notifier.invalAttr(7), 0, 'not cached is what was wanted')
  result = -constants.errno.EINVAL
  t.equal(notifier.incEpoch(), result)
})
