/** A new regular file, its fd in the data table: it will be written next. */
import { sys, type Bytes } from '../../os/native.js'
import type { Request } from '../../fuse/define-op.js'
import type { Node } from '../../union/node.js'
import type { Union } from '../../union/union.js'
import { makeEntry, prepareEntry, publishEntry } from './create-entry.js'
import { ownerGid, ownerUid } from './owner.js'

const O_RDWR = sys.constants['O_RDWR']!

/** Make a file for the request's caller. @param mode permission and special bits @throws Errno as prepareEntry(); open(2) */
export function createFile(union: Union, req: Request, name: Bytes, mode: number, umask: number): Node {
  const at = prepareEntry(union, req.nodeid, name)
  const fd = makeEntry(at, 'open', made => sys.createAs(at.dirfd, made, O_RDWR, mode & 0o7777, ownerUid(union, req), ownerGid(union, req), umask))
  const node = publishEntry(union, at, () => {
    sys.close(fd)
    sys.unlinkat(at.dirfd, at.made, 0)
  })
  sys.dataSet(node.id, fd, 1, 0)
  union.dataUsed()
  return node
}
