import t from 'tap'
import { constants } from 'node:os'
import { Invalidations } from '../../../lib/fuse/invalidate.js'
import { invalEntryMessage, invalInodeMessage } from '../../../lib/fuse/notify.js'
import { FakeKernel } from '../../helpers/fake-kernel.js'

t.test('what was collected goes out together, once', async (t) => {
  const kernel = new FakeKernel()
  const reports: string[] = []
  const stale = new Invalidations((messages, done) => kernel.notify(messages, done), (line) => reports.push(line))
  await stale.flush()
  t.same(kernel.notifications, [], 'nothing to send')
  stale.expire(5, 'n')
  stale.drop(5, 'm')
  stale.inode(7)
  stale.attributes(8)
  await stale.flush()
  await stale.flush()
  t.same(kernel.notifications, [Buffer.concat([
    invalEntryMessage(5, 'n', true), invalEntryMessage(5, 'm', false), invalInodeMessage(7, 0, 0), invalInodeMessage(8, -1, 0),
  ])])
  t.same(reports, [])

  kernel.writeResult = -constants.errno.EIO
  stale.inode(7)
  await stale.flush()
  t.same(reports, [`notifications to the kernel failed: errno ${constants.errno.EIO}`])
  kernel.unmount()
  stale.inode(7)
  await stale.flush()
  t.equal(reports.length, 1, 'after the end there is nobody to tell')
})
